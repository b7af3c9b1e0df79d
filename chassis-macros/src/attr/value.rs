//! The values of keys: each kind of value is read in one place, so that it is refused in one wording.

use super::args::Arg;
use syn::{Expr, Lit, LitStr, Path, Token, UnOp, punctuated::Punctuated};

impl Arg {
    /// `"text"`.
    pub(crate) fn text(&self) -> syn::Result<LitStr> {
        text(self.value()?).ok_or_else(|| self.expected("a string"))
    }

    /// `"text"` or `["text", "text"]`.
    pub(crate) fn texts(&self) -> syn::Result<Vec<LitStr>> {
        let wrong = || self.expected("a string, or a list of strings");
        let Expr::Array(list) = ungroup(self.value()?) else {
            return Ok(vec![text(self.value()?).ok_or_else(wrong)?]);
        };
        let one = |element| {
            text(element).ok_or_else(|| syn::Error::new_spanned(element, "expected a string"))
        };
        list.elems.iter().map(one).collect()
    }

    /// A bare key, or `true` or `false`.
    pub(crate) fn flag(&self) -> syn::Result<bool> {
        match self.value.as_ref().map(ungroup) {
            None => Ok(true),
            Some(Expr::Lit(lit)) => match &lit.lit {
                Lit::Bool(value) => Ok(value.value),
                _ => Err(self.expected("`true` or `false`, or no value at all")),
            },
            Some(_) => Err(self.expected("`true` or `false`, or no value at all")),
        }
    }

    /// An integer of 32 bits, perhaps negative.
    pub(crate) fn integer(&self) -> syn::Result<i32> {
        let value = ungroup(self.value()?);
        let (negative, number) = match value {
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => (true, ungroup(&unary.expr)),
            _ => (false, value),
        };
        let Expr::Lit(syn::ExprLit {
            lit: Lit::Int(number),
            ..
        }) = number
        else {
            return Err(self.expected("a whole number"));
        };
        let digits = number.base10_digits();
        let text = if negative {
            format!("-{digits}")
        } else {
            digits.to_owned()
        };
        text.parse().map_err(|_| {
            let message = format!(
                "`{}` must fit an `i32`: from {} to {}",
                self.key,
                i32::MIN,
                i32::MAX,
            );
            syn::Error::new_spanned(value, message)
        })
    }

    /// How many: at least one.
    pub(crate) fn count(&self) -> syn::Result<u32> {
        let number = self.integer()?;
        match u32::try_from(number) {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(self.expected("1 or more")),
        }
    }

    /// How many: none, or more.
    pub(crate) fn count_or_none(&self) -> syn::Result<u32> {
        let wrong = |_| self.expected("a whole number from 0");
        u32::try_from(self.integer()?).map_err(wrong)
    }

    /// A time, in milliseconds: `"250ms"`.
    pub(crate) fn millis(&self) -> syn::Result<u64> {
        let text = self
            .text()
            .map_err(|_| self.expected("a duration, like `\"30s\"`"))?;
        parse_millis(&text.value()).map_err(|message| syn::Error::new(text.span(), message))
    }

    /// `buffered("1MiB")`.
    pub(crate) fn buffered(&self) -> syn::Result<usize> {
        let wrong = || self.expected("`buffered(\"1MiB\")`: how much of the body to wait for");
        let Expr::Call(call) = ungroup(self.value()?) else {
            return Err(wrong());
        };
        let is_buffered = matches!(&*call.func, Expr::Path(path) if path.path.is_ident("buffered"));
        let size = match (is_buffered, one(&call.args)) {
            (true, Some(size)) => text(size).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        parse_size(&size.value()).map_err(|message| syn::Error::new(size.span(), message))
    }

    /// `my::chassis`.
    pub(crate) fn path(&self) -> syn::Result<Path> {
        as_path(self.value()?).ok_or_else(|| self.expected("a path, like `my::chassis`"))
    }

    /// Any expression.
    pub(crate) fn expr(&self) -> syn::Result<Expr> {
        self.value().cloned()
    }

    fn value(&self) -> syn::Result<&Expr> {
        self.value.as_ref().ok_or_else(|| {
            syn::Error::new_spanned(
                &self.key,
                format!("`{0}` needs a value: `{0} = ..`", self.key),
            )
        })
    }

    fn expected(&self, what: &str) -> syn::Error {
        let message = format!("`{}` must be {what}", self.key);
        match &self.value {
            Some(value) => syn::Error::new_spanned(value, message),
            None => syn::Error::new_spanned(&self.key, message),
        }
    }
}

/// The string that an expression is.
pub(crate) fn text(expr: &Expr) -> Option<LitStr> {
    match ungroup(expr) {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.clone()),
        _ => None,
    }
}

/// The path that an expression is.
pub(crate) fn as_path(expr: &Expr) -> Option<Path> {
    match ungroup(expr) {
        Expr::Path(path) if path.qself.is_none() => Some(path.path.clone()),
        _ => None,
    }
}

/// What a `macro_rules!` macro passes on as `$value:expr` comes in an invisible group.
fn ungroup(mut expr: &Expr) -> &Expr {
    while let Expr::Group(group) = expr {
        expr = &group.expr;
    }
    expr
}

fn one(list: &Punctuated<Expr, Token![,]>) -> Option<&Expr> {
    list.first().filter(|_| list.len() == 1)
}

/// Reads `250ms`, `30s`, `5m`, `2h`.
fn parse_millis(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let number: u64 = number
        .parse()
        .map_err(|_| format!("`{text}` is not a duration; write `30s`"))?;
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" => {
            return Err(format!(
                "`{text}` has no unit; write `{text}s` or `{text}ms`"
            ));
        }
        other => {
            let other = other.trim_start();
            return Err(format!(
                "`{other}` is not a unit of time; write one of ms, s, m, h"
            ));
        }
    };
    match number.checked_mul(factor) {
        None => Err(format!("`{text}` is too long a time")),
        Some(0) => Err(format!(
            "`{text}` is no time at all; write how long it may take, like `2s`"
        )),
        Some(millis) => Ok(millis),
    }
}

/// Reads `512B`, `16KiB`, `2MiB`, `1GiB`.
fn parse_size(text: &str) -> Result<usize, String> {
    let (number, unit) = split(text);
    let number: usize = number
        .parse()
        .map_err(|_| format!("`{text}` is not a size; write `2MiB`"))?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "" => {
            return Err(format!(
                "`{text}` has no unit; write `{text}B` or `{text}KiB`"
            ));
        }
        other => {
            let other = other.trim_start();
            return Err(format!(
                "`{other}` is not a unit of size; write one of B, KiB, MiB, GiB"
            ));
        }
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| format!("`{text}` is too large"))
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

#[cfg(test)]
mod tests {
    use super::{parse_millis, parse_size};

    #[test]
    fn a_duration_has_a_unit() {
        let units = ["250ms", "30s", "5m", "2h"].map(|text| parse_millis(text).unwrap_or(0));
        assert_eq!(units, [250, 30_000, 300_000, 7_200_000]);
        assert_eq!(
            parse_millis("30"),
            Err("`30` has no unit; write `30s` or `30ms`".into())
        );
        assert_eq!(
            parse_millis("s"),
            Err("`s` is not a duration; write `30s`".into())
        );
        assert!(parse_millis("1d").is_err() && parse_millis("0s").is_err());
        assert!(parse_millis(&format!("{}h", u64::MAX)).is_err());
    }

    #[test]
    fn a_size_has_a_unit() {
        let units = ["512B", "16KiB", "1MiB", "1GiB"].map(|text| parse_size(text).unwrap_or(0));
        assert_eq!(units, [512, 16_384, 1_048_576, 1_073_741_824]);
        assert_eq!(
            parse_size("10"),
            Err("`10` has no unit; write `10B` or `10KiB`".into())
        );
        assert!(parse_size("1MB").is_err() && parse_size("").is_err());
    }
}
