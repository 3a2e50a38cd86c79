//! Entries → lines.

use super::entries::{Entries, Entry, Group, Node, entries, tree};
use super::lines::Lines;
use crate::cut::is_operator;
use crate::scan::{Token, TokenKind};

pub(super) fn file(source: &str, tokens: &[Token]) -> String {
    let nodes = tree(source, tokens);
    let Entries { entries, .. } = entries(source, &nodes, false);
    let layout = Layout { source };
    let mut lines = Lines::new();
    layout.block(&mut lines, &entries, 0, Block::File);
    lines.finish()
}

/// Names wider than this are not aligned, so that no padding grows without bound.
const WIDEST: usize = 48;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Declarations: keyword, name and `=` are aligned.
    File,
    /// Fields: `=` is aligned.
    Fields,
    /// Values, each with a comma.
    Values,
    /// The value of a claim or in parentheses.
    Value,
}

struct Layout<'s> {
    source: &'s str,
}

/// What stands before an entry's value, aligned with its neighbours.
struct Head {
    keyword: String,
    /// The name with all that stands before `=`.
    name: String,
}

/// One entry, ready but for its alignment.
enum Ready {
    Blank,
    Comment(Token),
    Plain(Lines, Option<Token>),
    Aligned(Head, Lines, Option<Token>),
}

impl Layout<'_> {
    /// Writes the entries from the current line on.
    fn block(&self, lines: &mut Lines, entries: &[Entry<'_>], indent: usize, block: Block) {
        let ready: Vec<Ready> = entries
            .iter()
            .map(|entry| self.ready(entry, indent, block))
            .collect();
        let mut rest = ready.into_iter().peekable();
        let mut first = true;
        let mut run: Vec<(Head, Lines, Option<Token>)> = Vec::new();
        while let Some(entry) = rest.next() {
            match entry {
                Ready::Aligned(head, value, comment) => {
                    let single = value.is_single() && !head.name.contains('\n');
                    if !single {
                        self.run(lines, &mut run, indent, &mut first);
                    }
                    run.push((head, value, comment));
                    let goes_on = matches!(rest.peek(), Some(Ready::Aligned(..)));
                    if !single || !goes_on {
                        self.run(lines, &mut run, indent, &mut first);
                    }
                }
                Ready::Blank => {
                    lines.blank();
                }
                Ready::Comment(token) => {
                    begin(lines, indent, &mut first);
                    lines.push(token.text(self.source));
                    if block == Block::File
                        && token.text(self.source).starts_with("//!")
                        && rest.peek().is_some_and(|next| !self.goes_on_doc(next))
                    {
                        lines.blank();
                    }
                }
                Ready::Plain(value, comment) => {
                    begin(lines, indent, &mut first);
                    lines.append(value);
                    self.behind(lines, comment);
                }
            }
        }
    }

    /// After the file's doc comes a blank line.
    fn goes_on_doc(&self, next: &Ready) -> bool {
        match next {
            Ready::Blank => true,
            Ready::Comment(token) => token.text(self.source).starts_with("//!"),
            _ => false,
        }
    }

    /// Writes consecutive one-line entries, aligned, or one entry of several lines.
    fn run(
        &self,
        lines: &mut Lines,
        run: &mut Vec<(Head, Lines, Option<Token>)>,
        indent: usize,
        first: &mut bool,
    ) {
        let width = |part: fn(&Head) -> &str| {
            let widths = run.iter().map(|(head, ..)| part(head).chars().count());
            widths.filter(|width| *width <= WIDEST).max().unwrap_or(0)
        };
        let keyword = width(|head| &head.keyword);
        let name = width(|head| &head.name);
        for (head, value, comment) in run.drain(..) {
            begin(lines, indent, first);
            if keyword > 0 {
                lines.push(&format!("{:keyword$} ", head.keyword));
            }
            lines.push(&format!("{:name$} = ", head.name));
            lines.append(value);
            self.behind(lines, comment);
        }
    }

    fn behind(&self, lines: &mut Lines, comment: Option<Token>) {
        if let Some(comment) = comment {
            lines.comment(comment.text(self.source));
        }
    }

    fn ready(&self, entry: &Entry<'_>, indent: usize, block: Block) -> Ready {
        let (nodes, comment) = match entry {
            Entry::Blank => return Ready::Blank,
            Entry::Comment(token) => return Ready::Comment(*token),
            Entry::Value { nodes, comment } => (nodes, *comment),
        };
        let equals = nodes.iter().position(|node| node.is(self.source, "="));
        if let (Some(equals), Block::File | Block::Fields) = (equals, block) {
            let (head, value) = nodes.split_at(equals);
            let (keyword, name) = head.split_at(usize::from(block == Block::File));
            let head = Head {
                keyword: self.one_line(keyword),
                name: self.one_line(name),
            };
            let value = self.value(value.get(1..).unwrap_or_default(), indent, false);
            return Ready::Aligned(head, value, comment);
        }
        let mut lines = self.value(nodes, indent, block == Block::File);
        if block == Block::Values {
            // A comment inside of the value would swallow the comma: it never ends one.
            lines.push(",");
        }
        Ready::Plain(lines, comment)
    }

    fn one_line(&self, nodes: &[&Node]) -> String {
        let lines = self.value(nodes, 0, false);
        lines.finish().trim_end_matches('\n').to_owned()
    }

    /// A value, or a declaration without `=`; its further lines are indented below `indent`.
    fn value(&self, nodes: &[&Node], indent: usize, declaration: bool) -> Lines {
        let mut lines = Lines::new();
        let mut before: Option<&Node> = None;
        let mut joined = true;
        let mut broken = false;
        let mut continued = false;
        let body = nodes.iter().rposition(|node| node.is_significant());
        for (index, node) in nodes.iter().enumerate() {
            match node {
                Node::Token(token) if token.kind == TokenKind::Newline => {
                    broken = true;
                    continue;
                }
                Node::Token(token) if token.is_comment() => {
                    if broken || lines.has_comment() {
                        lines.next(indent + 1);
                        lines.push(token.text(self.source));
                    } else {
                        lines.comment(token.text(self.source));
                    }
                    broken = true;
                    continue;
                }
                _ => {}
            }
            if broken {
                lines.next(indent + 1);
            } else if !joined && self.spaced(before, node) {
                lines.push(" ");
            }
            continued |= broken;
            let deeper = indent + usize::from(continued);
            broken = false;
            joined = false;
            match node {
                Node::Token(token) => {
                    lines.push(token.text(self.source));
                    joined = self.binds_right(before, *token);
                }
                Node::Group(group) => {
                    let call = before.is_some_and(|before| self.is_callee(before));
                    // Only the last bracket of a declaration is its body; the head can have others.
                    let body = declaration && Some(index) == body;
                    let indent = if body { indent } else { deeper };
                    lines.append(self.group(group, nodes, before, indent, body, call));
                }
            }
            before = Some(node);
        }
        lines
    }

    fn group(
        &self,
        group: &Group,
        nodes: &[&Node],
        before: Option<&Node>,
        indent: usize,
        declaration: bool,
        call: bool,
    ) -> Lines {
        let (open, close) = match group.open.text(self.source) {
            "{" => ("{", "}"),
            "[" => ("[", "]"),
            _ => ("(", ")"),
        };
        let word = nodes.first().filter(|_| declaration);
        let claim = word.is_some_and(|word| word.is(self.source, "claim"));
        let import = before.is_some_and(|before| before.is(self.source, "."));
        let block = match open {
            "{" if claim => Block::Value,
            "{" if import => Block::Values,
            "{" => Block::Fields,
            "(" if !call => Block::Value,
            _ => Block::Values,
        };
        let Entries { head, entries } = entries(self.source, &group.inside, true);
        let mut lines = Lines::new();
        lines.push(open);
        if entries.is_empty() && head.is_none() {
            lines.push(close);
            return lines;
        }
        if group.has_lines() || (declaration && !import && open == "{") {
            self.behind(&mut lines, head);
            lines.next(indent + 1);
            let mut inner = Lines::new();
            self.block(&mut inner, &entries, indent + 1, block);
            lines.append(inner);
            lines.next(indent);
            lines.push(close);
            return lines;
        }
        let pad = if open == "{" && !import { " " } else { "" };
        lines.push(pad);
        for (index, entry) in entries.iter().enumerate() {
            if let Entry::Value { nodes, .. } = entry {
                if index > 0 {
                    lines.push(", ");
                }
                lines.append(self.value(nodes, indent, false));
            }
        }
        lines.push(pad);
        lines.push(close);
        lines
    }

    /// A name with `(` behind it is called; with `[` it is a family.
    fn is_callee(&self, node: &Node) -> bool {
        matches!(node, Node::Token(token) if token.kind == TokenKind::Word
            && !matches!(token.text(self.source), "and" | "or" | "not" | "by" | "in" | "where"))
    }

    /// Whether a space stands between two nodes of a line.
    fn spaced(&self, before: Option<&Node>, node: &Node) -> bool {
        let Some(before) = before else { return false };
        match node {
            Node::Token(token) => !matches!(token.text(self.source), "." | ".." | "@" | "%" | ","),
            Node::Group(group) => match group.open.text(self.source) {
                "(" | "[" => !self.is_callee(before),
                _ => true,
            },
        }
    }

    /// Whether nothing stands between `token` and what comes after it.
    fn binds_right(&self, before: Option<&Node>, token: Token) -> bool {
        let after_value = before.is_some_and(|before| match before {
            Node::Group(_) => true,
            Node::Token(before) => {
                !is_operator(self.source, *before)
                    && (before.kind != TokenKind::Sign || before.text(self.source) == "%")
                    && !(before.kind == TokenKind::Word && before.text(self.source) == "by")
            }
        });
        match token.text(self.source) {
            _ if token.kind == TokenKind::Text => false,
            "." | ".." | "@" => true,
            "-" => !after_value,
            "*" => before.is_some_and(|before| before.is(self.source, "by")),
            _ => false,
        }
    }
}

/// The first entry goes on with the line that is open.
fn begin(lines: &mut Lines, indent: usize, first: &mut bool) {
    if !std::mem::take(first) {
        lines.next(indent);
    }
}
