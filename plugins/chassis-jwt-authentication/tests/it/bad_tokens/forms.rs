//! What is no token, and headers that no token here has.

use super::{Bad, bearer, right, secret, with, with_claims, with_header};
use crate::made::{ED, claims, part, token, token_of};
use serde_json::json;

pub(super) fn of_form() -> Vec<Bad> {
    let right = right();
    let parts: Vec<&str> = right.split('.').collect();
    let (header, body, signature) = (parts[0], parts[1], parts[2]);
    let huge = with(&json!({"x": "x".repeat(9 << 10)}));
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    let text = claims(&json!({})).to_string();
    let mut not_utf8 = text.clone().into_bytes();
    not_utf8.extend([0xff, 0xfe]);
    let not_utf8 = {
        let signed = format!("{header}.{}", part(not_utf8));
        format!("{signed}.{}", part(secret().sign(&signed)))
    };
    // The last digit has bits that mean nothing, and have to be 0.
    let last = signature.chars().last().unwrap();
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = digits.chars().nth(digits.find(last).unwrap() + 1).unwrap();
    let left_over = format!("{}{next}", &right[..right.len() - 1]);
    let nested = format!("{},\"x\":{{\"a\":1,\"a\":2}}}}", &text[..text.len() - 1]);
    let doubled = format!("{},\"sub\":\"root\"}}", &text[..text.len() - 1]);
    let escaped = format!("{},\"s\\u0075b\":\"root\"}}", &text[..text.len() - 1]);
    vec![
        (
            "no token behind the word",
            vec![b"Bearer".to_vec()],
            "malformed",
        ),
        (
            "spaces behind the word",
            vec![b"Bearer   ".to_vec()],
            "malformed",
        ),
        ("a word", bearer("hunter2"), "malformed"),
        ("two parts", bearer(format!("{header}.{body}")), "malformed"),
        (
            "four parts",
            bearer(format!("{right}.{signature}")),
            "malformed",
        ),
        (
            "five parts, as of JWE",
            bearer(format!("{header}..{body}.{signature}.{body}")),
            "malformed",
        ),
        ("a dot behind it", bearer(format!("{right}.")), "malformed"),
        (
            "no header",
            bearer(format!(".{body}.{signature}")),
            "malformed",
        ),
        (
            "no claims",
            bearer(format!("{header}..{signature}")),
            "malformed",
        ),
        (
            "cut off in the claims",
            bearer(&right[..header.len() + 20]),
            "malformed",
        ),
        (
            "cut off in the signature",
            bearer(&right[..right.len() - 3]),
            "signature",
        ),
        ("too large", bearer(huge), "too_large"),
        ("too deep", bearer(with_claims(deep)), "malformed"),
        ("padding", bearer(format!("{right}=")), "malformed"),
        (
            "the other alphabet",
            bearer(format!("{header}.{body}.{}", "+/".repeat(21))),
            "malformed",
        ),
        ("bits that are left over", bearer(left_over), "malformed"),
        (
            "a space inside",
            bearer(right.replacen('.', " .", 1)),
            "malformed",
        ),
        (
            "two tokens in one header",
            bearer(format!("{right}, {right}")),
            "malformed",
        ),
        (
            "a quoted token",
            bearer(format!("\"{right}\"")),
            "malformed",
        ),
        (
            "two headers",
            [bearer(&right), bearer(&right)].concat(),
            "malformed",
        ),
        (
            "two headers of two kinds",
            [bearer(&right), vec![b"Basic YTpi".to_vec()]].concat(),
            "malformed",
        ),
        ("not ASCII", bearer("tök.en.é"), "malformed"),
        (
            "not even UTF-8",
            bearer([0xff, 0x2e, 0xfe, 0x2e, 0xff]),
            "malformed",
        ),
        ("claims that are not UTF-8", bearer(not_utf8), "malformed"),
        (
            "claims that are no JSON",
            bearer(with_claims("sub=ada")),
            "malformed",
        ),
        (
            "claims that are a list",
            bearer(with_claims(format!("[{text}]"))),
            "malformed",
        ),
        (
            "claims with something behind",
            bearer(with_claims(format!("{text}{{}}"))),
            "malformed",
        ),
        (
            "claims with a byte order mark",
            bearer(with_claims(format!("\u{feff}{text}"))),
            "malformed",
        ),
        ("a claim twice", bearer(with_claims(doubled)), "malformed"),
        (
            "a claim twice, once escaped",
            bearer(with_claims(escaped)),
            "malformed",
        ),
        (
            "a key twice, deep inside",
            bearer(with_claims(nested)),
            "malformed",
        ),
        (
            "a number that is none",
            bearer(with_claims(r#"{"iss":"hs","exp":1e999}"#)),
            "malformed",
        ),
    ]
}

pub(super) fn of_header() -> Vec<Bad> {
    let kid = "k".repeat(300);
    vec![
        (
            "a header that is no JSON",
            bearer(with_header("HS256")),
            "malformed",
        ),
        (
            "the algorithm twice",
            bearer(with_header(r#"{"alg":"none","alg":"HS256"}"#)),
            "malformed",
        ),
        (
            "no algorithm",
            bearer(with_header(r#"{"typ":"JWT"}"#)),
            "malformed",
        ),
        (
            "an algorithm that is no text",
            bearer(with_header(r#"{"alg":["HS256"]}"#)),
            "malformed",
        ),
        (
            "critical",
            bearer(with_header(r#"{"alg":"HS256","crit":["exp"]}"#)),
            "critical",
        ),
        (
            "critical, and nothing",
            bearer(with_header(r#"{"alg":"HS256","crit":[]}"#)),
            "critical",
        ),
        (
            "not encoded",
            bearer(with_header(r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#)),
            "critical",
        ),
        (
            "for logging out",
            bearer(with_header(r#"{"alg":"HS256","typ":"logout+jwt"}"#)),
            "type",
        ),
        (
            "a type that is no text",
            bearer(with_header(r#"{"alg":"HS256","typ":7}"#)),
            "malformed",
        ),
        (
            "a key that is no text",
            bearer(with_header(r#"{"alg":"HS256","kid":7}"#)),
            "malformed",
        ),
        (
            "a key with a long name",
            bearer(with_header(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#))),
            "malformed",
        ),
        (
            "the wrong key",
            bearer(token_of(&ED, "two", &json!({"iss": "ed"}))),
            "key",
        ),
        (
            "a key that is a path",
            bearer(token_of(&ED, "../../dev/null", &json!({"iss": "ed"}))),
            "key",
        ),
        ("no key", bearer(token(&ED, &json!({"iss": "ed"}))), "key"),
    ]
}
