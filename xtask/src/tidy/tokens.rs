//! Rust files as a flat row of tokens, so that no rule is fooled by a comment or a string.

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::tree::File;

/// One token.
pub(crate) struct Token {
    /// As written; an opening or closing bracket is a token of its own.
    pub(crate) text: String,
    /// From 1.
    pub(crate) line: usize,
    /// Whether it stands in `#[…]` or `#![…]`.
    pub(crate) in_attribute: bool,
}

/// All tokens of a file; comments are none, doc comments are attributes with a string.
///
/// # Errors
/// Unbalanced brackets, or what the lexer of Rust refuses.
pub(crate) fn of(file: &File) -> Result<Vec<Token>> {
    let stream: TokenStream = file
        .text
        .parse()
        .map_err(|error| anyhow!("{} cannot be read as Rust: {error}", file.path))?;
    let mut tokens = Vec::new();
    flatten(stream, false, &mut tokens);
    Ok(tokens)
}

/// The places where these tokens follow one another; `*` stands for any one token.
pub(crate) fn places<'t>(
    tokens: &'t [Token],
    pattern: &'t [&str],
) -> impl Iterator<Item = &'t [Token]> {
    tokens.windows(pattern.len()).filter(move |window| {
        window
            .iter()
            .zip(pattern)
            .all(|(token, wanted)| *wanted == "*" || token.text == *wanted)
    })
}

fn flatten(stream: TokenStream, in_attribute: bool, tokens: &mut Vec<Token>) {
    for tree in stream {
        let mut push = |text: String, line: usize, in_attribute: bool| {
            tokens.push(Token {
                text,
                line,
                in_attribute,
            });
        };
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(
                    open.to_owned(),
                    group.span_open().start().line,
                    in_attribute,
                );
                let in_attribute = in_attribute
                    || (group.delimiter() == Delimiter::Bracket && follows_hash(tokens));
                flatten(group.stream(), in_attribute, tokens);
                tokens.push(Token {
                    text: close.to_owned(),
                    line: group.span_close().start().line,
                    in_attribute,
                });
            }
            other => push(other.to_string(), other.span().start().line, in_attribute),
        }
    }
}

/// Whether the bracket that was pushed last opens an attribute.
fn follows_hash(tokens: &[Token]) -> bool {
    let mut before = tokens.iter().rev().skip(1).map(|token| token.text.as_str());
    match before.next() {
        Some("#") => true,
        Some("!") => before.next() == Some("#"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        of(&File {
            path: "x.rs".into(),
            text: text.into(),
        })
        .unwrap()
    }

    #[test]
    fn comments_and_strings_hold_no_tokens() {
        let tokens = tokens("// mod a\n/* mod a */\n/// mod a\nconst A: &str = r#\"mod a\"#;\n");
        assert_eq!(places(&tokens, &["mod", "a"]).count(), 0);
    }

    #[test]
    fn a_place_knows_its_line_and_whether_it_is_an_attribute() {
        let tokens = tokens("#![x]\nfn f() {\n    #[y]\n    let a = [x, y];\n}\n");
        let found = |text| -> Vec<_> {
            places(&tokens, &[text])
                .map(|it| (it[0].line, it[0].in_attribute))
                .collect()
        };
        assert_eq!(found("x"), [(1, true), (4, false)]);
        assert_eq!(found("y"), [(3, true), (4, false)]);
    }

    #[test]
    fn unbalanced_brackets_are_an_error_with_the_path() {
        let file = File {
            path: "x.rs".into(),
            text: "fn f( {".into(),
        };
        assert!(of(&file).err().unwrap().to_string().contains("x.rs"));
    }
}
