//! Tokens → a tree of brackets, and what stands in a bracket → its entries with their comments.

use crate::cut::is_operator;
use crate::scan::{Token, TokenKind};

/// A token, or all that stands between two brackets.
pub(super) enum Node {
    Token(Token),
    Group(Group),
}

pub(super) struct Group {
    pub(super) open: Token,
    pub(super) inside: Vec<Node>,
}

impl Group {
    /// A line break stands directly inside.
    pub(super) fn has_lines(&self) -> bool {
        self.inside
            .iter()
            .any(|node| node.kind() == Some(TokenKind::Newline))
    }
}

impl Node {
    pub(super) fn kind(&self) -> Option<TokenKind> {
        match self {
            Node::Token(token) => Some(token.kind),
            Node::Group(_) => None,
        }
    }

    pub(super) fn is(&self, source: &str, sign: &str) -> bool {
        matches!(self, Node::Token(token) if token.kind != TokenKind::Text && token.text(source) == sign)
    }

    pub(super) fn is_significant(&self) -> bool {
        match self {
            Node::Token(token) => token.is_significant(),
            Node::Group(_) => true,
        }
    }
}

/// The brackets of a text that parses are balanced.
pub(super) fn tree(source: &str, tokens: &[Token]) -> Vec<Node> {
    let mut done: Vec<Node> = Vec::new();
    let mut open: Vec<(Token, Vec<Node>)> = Vec::new();
    for &token in tokens {
        let sign = if token.kind == TokenKind::Sign {
            token.text(source)
        } else {
            ""
        };
        match sign {
            "{" | "[" | "(" => open.push((token, std::mem::take(&mut done))),
            "}" | "]" | ")" => {
                if let Some((open, before)) = open.pop() {
                    let inside = std::mem::replace(&mut done, before);
                    done.push(Node::Group(Group { open, inside }));
                }
            }
            _ => done.push(Node::Token(token)),
        }
    }
    done
}

/// One line of what stands in a bracket.
pub(super) enum Entry<'n> {
    Blank,
    /// A comment on a line of its own.
    Comment(Token),
    Value {
        nodes: Vec<&'n Node>,
        comment: Option<Token>,
    },
}

pub(super) struct Entries<'n> {
    /// The comment behind the opening bracket.
    pub(super) head: Option<Token>,
    pub(super) entries: Vec<Entry<'n>>,
}

/// Splits what stands in a bracket, or the whole file, at commas and at line breaks inside of
/// which no value goes on.
pub(super) fn entries<'n>(source: &str, nodes: &'n [Node], bracket: bool) -> Entries<'n> {
    let mut split = Split {
        head: None,
        entries: Vec::new(),
        current: Vec::new(),
        line: 0,
        lines: 0,
    };
    // Whether the next significant node goes on with a value, for each node; from the end.
    let mut goes_on = vec![false; nodes.len()];
    let mut next = false;
    for (index, node) in nodes.iter().enumerate().rev() {
        goes_on[index] = next;
        if node.is_significant() {
            next = leads(source, node) || (!bracket && (node.is(source, "for") || node.is(source, "where")));
        }
    }
    let mut last_significant = None;
    for (node, next_goes_on) in nodes.iter().zip(goes_on) {
        let last = last_significant.filter(|_| !split.current.is_empty());
        let continues = last
            .is_some_and(|last| next_goes_on || trails(source, last) || (!bracket && last.is(source, ",")));
        if node.is_significant() {
            last_significant = Some(node);
        }
        match node {
            Node::Token(token) if token.kind == TokenKind::Newline => {
                if continues {
                    split.current.push(node);
                } else {
                    split.finish(None);
                    split.new_line();
                }
            }
            Node::Token(token) if token.is_comment() => {
                if continues {
                    split.current.push(node);
                } else {
                    split.comment(*token, bracket);
                }
            }
            // Outside of all brackets it stands between the axes of a family.
            Node::Token(token) if bracket && token.kind == TokenKind::Sign && token.text(source) == "," => {
                split.finish(None);
            }
            _ => split.current.push(node),
        }
    }
    split.finish(None);
    while matches!(split.entries.last(), Some(Entry::Blank)) {
        split.entries.pop();
    }
    Entries {
        head: split.head,
        entries: split.entries,
    }
}

/// An operator that can begin a line.
fn leads(source: &str, node: &Node) -> bool {
    match node {
        Node::Token(token) => is_operator(source, *token) && !matches!(token.text(source), "-" | "not"),
        Node::Group(_) => false,
    }
}

fn trails(source: &str, node: &Node) -> bool {
    matches!(node, Node::Token(token) if is_operator(source, *token))
}

struct Split<'n> {
    head: Option<Token>,
    entries: Vec<Entry<'n>>,
    current: Vec<&'n Node>,
    /// Line breaks since the start, and since the last entry.
    line: usize,
    lines: usize,
}

impl<'n> Split<'n> {
    fn new_line(&mut self) {
        self.line += 1;
        self.lines += 1;
        let wanted = self.lines == 2 && !matches!(self.entries.last(), None | Some(Entry::Blank));
        if wanted {
            self.entries.push(Entry::Blank);
        }
    }

    fn finish(&mut self, comment: Option<Token>) {
        if !self.current.is_empty() {
            let nodes = std::mem::take(&mut self.current);
            self.entries.push(Entry::Value { nodes, comment });
            self.lines = 0;
        }
    }

    fn comment(&mut self, token: Token, bracket: bool) {
        if !self.current.is_empty() {
            self.finish(Some(token));
            return;
        }
        if bracket && self.line == 0 && self.entries.is_empty() && self.head.is_none() {
            self.head = Some(token);
            return;
        }
        if let (
            0,
            Some(Entry::Value {
                comment: comment @ None,
                ..
            }),
        ) = (self.lines, self.entries.last_mut())
        {
            *comment = Some(token);
            return;
        }
        self.entries.push(Entry::Comment(token));
        self.lines = 0;
    }
}
