//! The headers of some routes, as they are written.

use crate::{HstsConfig, SecurityHeadersConfig, config::API};
use chassis::{
    axum::http::{
        HeaderName,
        header::{
            CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    prelude::*,
};

pub(crate) const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
pub(crate) const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
pub(crate) const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
pub(crate) const EMBEDDER: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");

/// What is right for data, and wrong for pages.
const OF_DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// What is written, and what is taken off.
#[derive(Debug)]
pub(crate) struct Set {
    remove: Vec<HeaderName>,
    always: Vec<(HeaderName, HeaderValue)>,
    /// Whether answers that are data have a policy of their own.
    is_api: bool,
    /// Only where the client has come by https.
    hsts: Option<HeaderValue>,
}

impl Set {
    pub(crate) fn new(config: &SecurityHeadersConfig) -> Result<Self> {
        let policy = config.content_security_policy.text();
        let is_api = policy == Some(API);
        let nosniff = config.nosniff.then_some("nosniff");
        let fixed = [
            (X_CONTENT_TYPE_OPTIONS, nosniff),
            (X_FRAME_OPTIONS, config.frame_options.text()),
            (REFERRER_POLICY, config.referrer_policy.text()),
            (CONTENT_SECURITY_POLICY, policy.filter(|_| !is_api)),
            (PERMISSIONS_POLICY, config.permissions_policy.text()),
            (OPENER, config.cross_origin_opener_policy.text()),
            (RESOURCE, config.cross_origin_resource_policy.text()),
            (EMBEDDER, config.cross_origin_embedder_policy.text()),
        ];
        let mut always = Vec::new();
        for (name, text) in fixed {
            if let Some(text) = text {
                always.push((name, text.parse()?));
            }
        }
        for (name, line) in &config.extra {
            if let Some(text) = line.text() {
                always.push((name.parse()?, text.parse()?));
            }
        }
        let remove = config.remove.iter();
        Ok(Self {
            remove: remove
                .map(|name| Ok(name.parse()?))
                .collect::<Result<_>>()?,
            always,
            is_api,
            hsts: hsts(&config.hsts)?,
        })
    }

    /// Writes them on an answer. What is there already stays.
    pub(crate) fn write(&self, is_secure: bool, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        // At most once it has to grow.
        headers.reserve(self.always.len() + 2);
        for (name, value) in &self.always {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if self.is_api && headers.get(CONTENT_TYPE).is_some_and(is_data) {
            headers.entry(CONTENT_SECURITY_POLICY).or_insert(OF_DATA);
        }
        if let Some(hsts) = self.hsts.as_ref().filter(|_| is_secure) {
            let entry = headers.entry(STRICT_TRANSPORT_SECURITY);
            entry.or_insert_with(|| hsts.clone());
        }
    }
}

/// Whether it is JSON. Of anything else a browser may make a page, a worker or a picture, which the policy for data would break;
/// and an answer without a type may be a 304, whose headers are kept with the page that it is about.
fn is_data(content_type: &HeaderValue) -> bool {
    let kind = content_type.as_bytes();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    let kind = kind.trim_ascii();
    let ends = |end: &[u8]| {
        let from = kind.len().checked_sub(end.len());
        from.is_some_and(|from| kind[from..].eq_ignore_ascii_case(end))
    };
    kind.eq_ignore_ascii_case(b"application/json") || ends(b"+json")
}

/// RFC 6797, 6.1.
fn hsts(config: &HstsConfig) -> Result<Option<HeaderValue>> {
    if !config.enabled {
        return Ok(None);
    }
    let mut text = format!("max-age={}", config.max_age.seconds());
    if config.include_subdomains {
        text.push_str("; includeSubDomains");
    }
    if config.preload {
        text.push_str("; preload");
    }
    Ok(Some(text.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_json_however_it_is_called() {
        for (kind, is) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("application/vnd.api+json;v=1", true),
            ("text/html", false),
            ("text/plain", false),
            ("image/svg+xml", false),
            ("text/javascript", false),
            ("application/jsonp", false),
            ("+json", true),
            ("json", false),
            ("", false),
        ] {
            assert_eq!(is_data(&HeaderValue::from_static(kind)), is, "{kind}");
        }
    }
}
