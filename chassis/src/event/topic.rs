//! Topics, and the patterns that subscribers choose them by.

use crate::error::{Error, Result, code};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

/// The longest topic, in bytes.
const MAX: usize = 255;

/// Which topics are wanted: `order.placed` is that one, `order.*` has one more word, `order.**` one or more.
///
/// In settings it is a text:
///
/// ```
/// use chassis::TopicPattern;
///
/// let orders: TopicPattern = "order.*".parse()?;
/// assert!(orders.matches("order.placed") && !orders.matches("order.line.added"));
/// # Ok::<(), chassis::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern {
    text: Arc<str>,
    /// Of a last word that is `**`, the words before it are looked at only.
    is_open: bool,
    has_stars: bool,
}

impl TopicPattern {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let words = text.split('.').count();
        let is_open = text == "**" || text.ends_with(".**");
        let fits = text.len() <= MAX
            && text.split('.').enumerate().all(|(index, word)| match word {
                "*" => true,
                "**" => index + 1 == words,
                word => is_word(word),
            });
        if !fits {
            let message = format!("`{text}` is no pattern of topics");
            return Err(Error::new(code::EVENT_TOPIC, message).with_help(
                "write dotted words, `order.placed`; a `*` is any word, and a `**` at the end one or more",
            ));
        }
        Ok(Self {
            text: text.into(),
            is_open,
            has_stars: text.contains('*'),
        })
    }

    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The one topic that it stands for, if it has no stars.
    pub(super) fn exact(&self) -> Option<&Arc<str>> {
        (!self.has_stars).then_some(&self.text)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a topic is one of them.
    pub fn matches(&self, topic: &str) -> bool {
        if !self.has_stars {
            return *self.text == *topic;
        }
        let mut wanted = self.text.split('.').peekable();
        let mut words = topic.split('.');
        while let Some(want) = wanted.next() {
            let Some(word) = words.next() else {
                return false;
            };
            if want == "**" && wanted.peek().is_none() {
                return true;
            }
            if want != "*" && want != word {
                return false;
            }
        }
        !self.is_open && words.next().is_none()
    }
}

impl FromStr for TopicPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for TopicPattern {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for TopicPattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = TopicPattern;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("topics, as `order.placed`, `order.*` or `order.**`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TopicPattern, E> {
                TopicPattern::parse(text).map_err(|error| {
                    let help = error
                        .help()
                        .map_or_else(String::new, |help| format!("; {help}"));
                    E::custom(format!("{error}{help}"))
                })
            }
        }

        from.deserialize_str(Text)
    }
}

impl JsonSchema for TopicPattern {
    fn schema_name() -> Cow<'static, str> {
        "TopicPattern".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX, "pattern": r"^((\*|[A-Za-z0-9_-]+)\.)*(\*\*|\*|[A-Za-z0-9_-]+)$" })
    }
}

/// Refuses what is no topic.
pub(super) fn check_topic(topic: &str) -> Result<()> {
    if topic.len() <= MAX && topic.split('.').all(is_word) {
        return Ok(());
    }
    let shown = crate::text::visible(topic.get(..MAX).unwrap_or(topic));
    let message = format!("`{shown}` is no topic");
    Err(Error::new(code::EVENT_TOPIC, message)
        .with_help("write dotted words of letters, digits, `-` and `_`: `order.placed`"))
}

fn is_word(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !word.is_empty() && word.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn which_topics_a_pattern_takes() {
        for (pattern, topic, takes) in [
            ("user.login", "user.login", true),
            ("user.login", "user.logout", false),
            ("user.login", "user.login.failed", false),
            ("user.*", "user.login", true),
            ("user.*", "user", false),
            ("user.*", "user.login.failed", false),
            ("*.login", "user.login", true),
            ("user.**", "user.login.failed", true),
            ("user.**", "user.login", true),
            ("user.**", "user", false),
            ("user.**", "users.login", false),
            ("**", "anything", true),
            ("**", "any.thing", true),
            ("*", "any.thing", false),
            ("*.**", "any.thing", true),
        ] {
            let parsed = TopicPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(topic), takes, "{pattern} {topic}");
        }
    }

    #[test]
    fn what_is_no_pattern_and_no_topic() {
        for text in ["", ".", "a.", ".a", "a..b", "a b", "ä", "**.a", "a*", "***"] {
            assert!(TopicPattern::parse(text).is_err(), "{text}");
            assert!(check_topic(text).is_err(), "{text}");
        }
        assert!(check_topic("a.*").is_err() && check_topic(&"a".repeat(256)).is_err());
        assert!(check_topic("a-b.c_D.1").is_ok());
    }

    fn words(least: usize) -> impl Strategy<Value = Vec<&'static str>> {
        prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), least..5)
    }

    proptest! {
        /// Against a definition by recursion.
        #[test]
        fn a_pattern_means_what_it_says(
            pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "*"]), 0..4),
            open in any::<bool>(),
            topic in words(1),
        ) {
            let mut pattern = pattern;
            if open || pattern.is_empty() {
                pattern.push("**");
            }
            fn takes(pattern: &[&str], topic: &[&str]) -> bool {
                match (pattern, topic) {
                    ([], []) => true,
                    (["**"], [_, ..]) => true,
                    ([want, pattern @ ..], [word, topic @ ..]) => {
                        (*want == "*" || want == word) && takes(pattern, topic)
                    }
                    _ => false,
                }
            }
            let parsed = TopicPattern::parse(&pattern.join(".")).unwrap();
            prop_assert_eq!(parsed.matches(&topic.join(".")), takes(&pattern, &topic));
        }
    }
}
