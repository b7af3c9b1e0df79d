//! Where a set of keys is: whoever could change it on its way could make tokens.

use http::Uri;
use std::net::IpAddr;

/// Says what is wrong with an address.
pub(crate) fn check(url: &str) -> Result<Uri, String> {
    let wrong = |why: &str| Err(format!("`jwks_url`: {why}"));
    let Ok(uri) = url.parse::<Uri>() else {
        return wrong("it is no address; write `https://id.example.com/jwks.json`");
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return wrong("it is no address; write `https://id.example.com/jwks.json`");
    };
    if authority.as_str().contains('@') {
        return wrong("there is a user in it, which would be shown");
    }
    match scheme {
        "https" => Ok(uri),
        "http" if is_loopback(authority.host()) => Ok(uri),
        "http" => wrong("keys from elsewhere are fetched over `https` only"),
        _ => wrong("it begins with `https://`"),
    }
}

/// Whether it is this machine, without asking anybody.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn it_is_https_or_this_machine() {
        for right in [
            "https://id.example.com/jwks.json",
            "http://127.0.0.1:8080/jwks",
            "http://127.9.9.9/",
            "http://[::1]:80/jwks",
            "http://localhost:1/jwks",
        ] {
            assert!(check(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "/jwks.json",
            "id.example.com",
            "ftp://id.example.com/",
            "http://id.example.com/jwks.json",
            "http://10.0.0.1/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "https://user:hunter2@id.example.com/",
            "http://127.0.0.1@id.example.com/",
        ] {
            let why = check(wrong).expect_err(wrong);
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
