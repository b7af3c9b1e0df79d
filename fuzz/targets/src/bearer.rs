//! What a caller may send as a token.

use chassis_jwt_authentication::{MAX_TOKEN, Token};

/// What is read of it is bounded, and is what stands there: no other text would be read as the same token. An input is a token, or
/// else (after `j`) the JSON of a header and of claims, a line each.
pub fn bearer(input: &[u8]) {
    let text = match input.split_first() {
        Some((b'j', lines)) => encoded(lines),
        _ => String::from_utf8_lossy(input).into_owned(),
    };
    let Ok(token) = Token::parse(&text) else {
        return;
    };
    assert!(text.len() <= MAX_TOKEN);
    assert!(token.kid.is_none_or(|kid| kid.len() <= 256));
    let (signed, signature) = text.rsplit_once('.').unwrap_or_default();
    assert_eq!(token.signed, signed);
    assert_eq!(base64url(&token.signature), signature);
    assert_eq!(signed.matches('.').count(), 1);
}

fn encoded(lines: &[u8]) -> String {
    let mut parts = lines.split(|byte| *byte == b'\n').map(base64url);
    let mut next = || parts.next().unwrap_or_default();
    format!("{}.{}.{}", next(), next(), next())
}

/// By hand, so that it is not the code that is tried.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = 0_usize;
        for at in 0..3 {
            word = word << 8 | usize::from(chunk.get(at).copied().unwrap_or_default());
        }
        for at in 0..=chunk.len() {
            text.push(char::from(DIGITS[word >> (18 - 6 * at) & 63]));
        }
    }
    text
}
