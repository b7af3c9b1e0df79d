//! Each keyword by what it says, and what says nothing.

use super::*;

/// A schema, a value that follows it, one that does not, and what is said of that.
const KEYWORDS: &str = r##"
{"type": "string"} | a | 1 | : expected a string, found an integer (write it in quotes)
{"type": "boolean"} | true | yes | : expected a boolean, found a string (write `true` or `false`)
{"type": "integer"} | -1 | 1.5 | : expected an integer, found a float
{"type": "integer", "minimum": 0} | 1.0 | a | : expected a whole number, found a string
{"type": "integer", "minimum": 0, "maximum": 255} | 255 | [] | : expected a whole number from 0 to 255, found a list
{"type": "number"} | 1.5 | {} | : expected a number, found a map
{"type": "array"} | [1] | a | : expected a list, found a string (a list is written `[a, b]`)
{"type": "object"} | {a: 1} | true | : expected a map, found a boolean
{"type": "null"} | {} | {a: 1} | a: `a` is not a known key (there are no settings here)
{"type": ["string", "null"]} |  | 1 | : expected a string, found an integer (write it in quotes)
{"type": ["string", "integer"]} | 1 | true | : expected a string or an integer, found a boolean (write it in quotes)
{"enum": ["json", "pretty"]} | json | jsn | : it is not one of `json`, `pretty` (did you mean `json`?)
{"enum": [1, "a", null]} | a | 2 | : it is not one of `1`, `a`
{"enum": [1,2,3,4,5,6,7,8,9,10,11,12,13]} | 13 | 14 | : it is not one of the 13 allowed values
{"enum": [[1], {"a": 1}]} | {a: 1} | {a: 2} | : it is not one of the 2 allowed values
{"const": "a"} | a | bcd | : it is not `a`
{"const": 1} | 1.0 | 2 | : it is not `1`
{"minimum": 1} | 1 | 0 | : it is 0; expected at least 1
{"maximum": 65535} | 65535 | 70000 | : it is 70000; expected at most 65535
{"maximum": 9007199254740992} | 9007199254740992 | 9007199254740993 | : it is 9007199254740993; expected at most 9007199254740992
{"exclusiveMinimum": 0} | 0.1 | 0 | : it is 0; expected more than 0
{"exclusiveMaximum": 1.5} | 1 | 1.5 | : it is 1.5; expected less than 1.5
{"multipleOf": 5} | 10 | 7 | : it is 7; expected a multiple of 5
{"multipleOf": 0.1} | 0.3 | 0.35 | : it is 0.35; expected a multiple of 0.1
{"minLength": 2} | äö | ä | : it is shorter than 2 characters
{"minLength": 1} | a | '' | : it is empty
{"maxLength": 1} | ä | ab | : it is longer than 1 character
{"pattern": "^[a-z]+$"} | ab | a1 | : it does not match the pattern `^[a-z]+$`
{"pattern": "b"} | abc | ac | : it does not match the pattern `b`
{"format": "uri"} | https://a.b/?c | a b | : it is not a URI, as `https://example.com/`
{"format": "email"} | a.b@c.de | a@b@c | : it is not an e-mail address, as `a@example.com`
{"format": "hostname"} | a-b.c | a..b | : it is not the name of a host, as `example.com`
{"format": "ip"} | '::1' | 1.2.3 | : it is not an IP address
{"format": "ipv4"} | 1.2.3.4 | '::1' | : it is not an IPv4 address, as `10.0.0.1`
{"format": "ipv6"} | '::1' | 1.2.3.4 | : it is not an IPv6 address, as `fd00::1`
{"format": "uuid"} | 67e55044-10b1-426f-9247-bb680e5fe0c8 | 67e55044-10b1 | : it is not a UUID
{"format": "date"} | '2028-02-29' | '2026-02-29' | : it is not a date, as `2026-01-31`
{"format": "date-time"} | '2026-01-31T23:59:60.5+01:00' | '2026-01-31T24:00:00Z' | : it is not a date with a time, as `2026-01-31T12:00:00Z`
{"minItems": 1} | [1] | [] | : expected at least 1 item, found 0
{"maxItems": 2} | [1, 2] | [1, 2, 3] | : expected at most 2 items, found 3
{"uniqueItems": true} | [1, 2] | [{a: 1}, 2, {a: 1}] | [2]: it is the same as item 0
{"items": {"type": "integer"}} | [1, 2] | [1, a] | [1]: expected an integer, found a string
{"prefixItems": [{"type": "integer"}], "items": {"type": "string"}} | [1, a, b] | [1, a, 2] | [2]: expected a string, found an integer (write it in quotes)
{"prefixItems": [true], "items": false} | [1] | [1, 2] | [1]: nothing can be set here
{"properties": {"a": {"type": "string"}}} | {a: b, c: 1} | {a: 1} | a: expected a string, found an integer (write it in quotes)
{"required": ["url"]} | {url: } | {} | url: `url` is missing (give it a value: `url: ..`)
{"properties": {"url": {}}, "additionalProperties": false} | {url: 1} | {ulr: 1} | ulr: `ulr` is not a known key (did you mean `url`?)
{"properties": {"url": {}}, "additionalProperties": false} | {} | {host: 1} | host: `host` is not a known key (known here: `url`)
{"additionalProperties": {"type": "integer"}} | {a: 1} | {a: {}} | a: expected an integer, found a map
{"patternProperties": {"^\\d+$": {"type": "string"}}, "additionalProperties": false} | {'80': a} | {a: b} | a: `a` is not a known key (keys here match `^\d+$`)
{"patternProperties": {"^\\d+$": {"type": "string"}}} | {a: 1} | {'80': 1} | 80: expected a string, found an integer (write it in quotes)
{"propertyNames": {"maxLength": 2}} | {ab: 1} | {abc: 1} | abc: its key is longer than 2 characters
{"minProperties": 2} | {a: 1, b: 2} | {a: 1} | : expected at least 2 keys, found 1
{"maxProperties": 0} | {} | {a: 1} | : expected at most 0 keys, found 1
{"$ref": "#/$defs/A%3CB%3E", "$defs": {"A<B>": {"minimum": 1}}} | 1 | 0 | : it is 0; expected at least 1
{"properties": {"a": {"$ref": "#"}, "b": {"type": "integer"}}} | {a: {a: {b: 1}}} | {a: {a: {b: x}}} | a.a.b: expected an integer, found a string
{"allOf": [{"minimum": 1}, {"maximum": 3}]} | 2 | 4 | : it is 4; expected at most 3
{"anyOf": [{"maximum": 1}, {"minimum": 3}]} | 3 | 2 | : it has none of the forms that are allowed here
{"anyOf": [{"type": "integer", "maximum": 9}, {"type": "null"}]} | 9 | 10 | : it is 10; expected at most 9
{"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]} | a | ab | : it is longer than 1 character
{"anyOf": [{"type": "integer"}, {"type": "string"}]} | a | {} | : expected an integer or a string, found a map
{"anyOf": [{"required": ["url"]}, {"required": ["host", "port"]}]} | {host: a, port: 1} | {host: a} | : it has none of the forms that are allowed here (it needs `url`, or `host` and `port`)
{"oneOf": [{"minimum": 1}, {"maximum": 2}]} | 3 | 1 | : it has more than one of the forms that exclude each other here
{"oneOf": [{"type": "string", "const": "a"}, {"enum": ["b", "c"]}]} | c | wxyz | : it is not one of `a`, `b`, `c`
{"not": {"type": "string"}} | 1 | a | : this value is not allowed here
{"not": {"required": ["a"]}} | {a: } | {a: 1} | : this value is not allowed here
{"if": {"properties": {"tls": {"const": true}}, "required": ["tls"]}, "then": {"required": ["cert"]}} | {tls: } | {tls: true} | cert: `cert` is missing (give it a value: `cert: ..`)
{"if": {"type": "integer"}, "else": {"minLength": 2}} | 1 | a | : it is shorter than 2 characters
false |  | 1 | : nothing can be set here
"##;

#[test]
fn each_keyword() {
    for row in KEYWORDS.trim().lines() {
        let [schema, right, wrong, message] = row.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("four columns: {row}");
        };
        expect(schema, right, &[]);
        expect(schema, wrong, &[message]);
    }
}

#[test]
fn what_says_nothing() {
    for schema in [
        "true",
        "1",
        r#"{"title": "a", "unevaluatedProperties": false, "format": "uint16"}"#,
        r#"{"pattern": "(?=a)", "type": 5, "enum": 5, "anyOf": 5, "items": 5}"#,
        r##"{"$ref": "#"}"##,
        r##"{"$ref": "#/$defs/a"}"##,
        r##"{"not": {"$ref": "#"}}"##,
        r##"{"$ref": "https://example.com/schema"}"##,
        r##"{"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#"}]}}, "$ref": "#/$defs/a"}"##,
    ] {
        for yaml in ["", "1", "a", "{a: 1}", "[1, 1]"] {
            expect(schema, yaml, &[]);
        }
    }
}

#[test]
fn all_are_told_unless_the_type_is_wrong() {
    let schema = r#"{"type": "string", "minLength": 3, "pattern": "^b"}"#;
    expect(
        schema,
        "a",
        &[
            ": it is shorter than 3 characters",
            ": it does not match the pattern `^b`",
        ],
    );
    expect(schema, "[a]", &[": expected a string, found a list"]);
}

#[test]
fn the_form_that_is_meant_is_judged() {
    let tagged = r#"{"oneOf": [
        {"type": "object", "properties": {"kind": {"const": "file"}, "path": {"type": "string"}}, "required": ["kind", "path"]},
        {"type": "object", "properties": {"kind": {"const": "http"}, "url": {"type": "string"}}, "required": ["kind", "url"]}
    ]}"#;
    expect(tagged, "{kind: http, url: a}", &[]);
    expect(tagged, "{kind: }", &[]);
    expect(
        tagged,
        "{kind: http}",
        &["url: `url` is missing (give it a value: `url: ..`)"],
    );
    expect(
        tagged,
        "{kind: htp}",
        &["kind: it is not one of `file`, `http` (did you mean `http`?)"],
    );
    expect(
        tagged,
        "{url: a}",
        &[
            ": it has none of the forms that are allowed here (it needs `kind` and `path`, or `kind` and `url`)",
        ],
    );
    let named = r#"{"oneOf": [
        {"type": "string", "enum": ["hs256"]},
        {"type": "object", "properties": {"custom": {"type": "integer"}}, "required": ["custom"], "additionalProperties": false},
        {"type": "object", "properties": {"other": {"type": "integer"}}, "required": ["other"], "additionalProperties": false}
    ]}"#;
    expect(
        named,
        "{custom: a}",
        &["custom: expected an integer, found a string"],
    );
    expect(named, "hs", &[": it is not `hs256`"]);
    expect(
        named,
        "1",
        &[": expected a string or a map, found an integer (write it in quotes)"],
    );
}
