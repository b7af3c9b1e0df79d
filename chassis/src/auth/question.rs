//! What authenticators are asked.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{collections::BTreeMap, fmt, net::IpAddr};

/// A request, as authenticators see it: its head, and what is known of it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AuthQuestion {
    /// The method of the request.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its query, if it has one.
    pub query: Option<String>,
    /// The path of the route as it was declared, if one has matched: `/orders/{id}`.
    pub route: Option<String>,
    /// The instance that the route belongs to.
    pub plugin: Option<String>,
    /// The address that the request came from.
    pub client: IpAddr,
    /// Its headers; in JSON a list of texts for each name.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub headers: HeaderMap,
}

impl AuthQuestion {
    /// The text of a header that is there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.get_all(name).iter();
        match (all.next(), all.next()) {
            (Some(one), None) => one.to_str().ok(),
            _ => None,
        }
    }

    /// The token in `Authorization: Bearer ..`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self
            .header(header::AUTHORIZATION.as_str())?
            .split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }
}

/// Without the headers and the query, which have the credentials.
impl fmt::Debug for AuthQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthQuestion")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

fn write<S: Serializer>(headers: &HeaderMap, to: S) -> Result<S::Ok, S::Error> {
    let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        all.entry(name.as_str()).or_default().push(text);
    }
    all.serialize(to)
}

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<HeaderMap, D::Error> {
    let mut headers = HeaderMap::new();
    for (name, values) in BTreeMap::<String, Vec<String>>::deserialize(from)? {
        let name: HeaderName = name.parse().map_err(D::Error::custom)?;
        for value in values {
            let value: HeaderValue = value.parse().map_err(D::Error::custom)?;
            headers.append(name.clone(), value);
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(headers: &[(&'static str, &'static str)]) -> AuthQuestion {
        let header = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        AuthQuestion {
            method: "GET".to_owned(),
            path: "/orders/7".to_owned(),
            query: None,
            route: Some("/orders/{id}".to_owned()),
            plugin: Some("orders".to_owned()),
            client: [127, 0, 0, 1].into(),
            headers: headers.iter().map(header).collect(),
        }
    }

    #[test]
    fn a_token_is_taken_if_there_is_one_only() {
        let bearer = |headers: &[(&'static str, &'static str)]| {
            question(headers).bearer().map(str::to_owned)
        };
        let right = ("authorization", "bearer abc");
        assert_eq!(bearer(&[right]), Some("abc".to_owned()));
        assert_eq!(bearer(&[("authorization", "Basic abc")]), None);
        assert_eq!(bearer(&[("authorization", "Bearer ")]), None);
        assert_eq!(bearer(&[]), None);
    }

    #[test]
    fn it_has_a_form_in_json_and_is_not_shown_with_its_secrets() {
        let asked = question(&[("authorization", "Bearer hunter2"), ("x-a", "1")]);
        let json = serde_json::to_value(&asked).unwrap();
        assert_eq!(json["headers"]["x-a"], serde_json::json!(["1"]));
        let again: AuthQuestion = serde_json::from_value(json).unwrap();
        assert_eq!(again.headers, asked.headers);
        assert!(!format!("{asked:?}").contains("hunter2"));
    }
}
