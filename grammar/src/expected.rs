//! pest's errors → messages in the words of the language.

use pest::error::{Error, ErrorVariant, InputLocation};

use crate::ast::Span;
use crate::error::{EXPECTED, HABIT, SyntaxError, TOO_LARGE};
use crate::parser::Rule;
use crate::scan::{KEYWORDS, Token, TokenKind, VALUE_WORDS};

/// What a rule is called in messages; `None` for what is never said. The match is exhaustive,
/// so that a new rule forces a decision.
fn symbol(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::EOI => END,
        Rule::import
        | Rule::profile
        | Rule::claim
        | Rule::declaration
        | Rule::keyword
        | Rule::use_word
        | Rule::profile_word
        | Rule::claim_word => "a declaration",
        Rule::value
        | Rule::group
        | Rule::list
        | Rule::record
        | Rule::number
        | Rule::digits
        | Rule::truth
        | Rule::nothing
        | Rule::reference
        | Rule::plain_reference
        | Rule::bare_path
        | Rule::bound
        | Rule::plain_bound
        | Rule::domain
        | Rule::condition
        | Rule::selector
        | Rule::negative
        | Rule::not_word
        | Rule::argument => "a value",
        Rule::alias | Rule::as_word => "`as`",
        Rule::in_word => "`in`",
        Rule::axis => "a name",
        Rule::title | Rule::text => "a text in double quotes",
        Rule::field => "a field",
        Rule::path | Rule::name => "a name",
        Rule::last | Rule::every => "a checkpoint (a step, `*` or `last`)",
        Rule::by_word => "`by`",
        Rule::equals => "`=`",
        Rule::comma => "`,`",
        Rule::newline => "a new line",
        Rule::fields | Rule::open_brace => "`{`",
        Rule::close_brace => "`}`",
        Rule::open_bracket => "`[`",
        Rule::close_bracket => "`]`",
        Rule::open_parenthesis => "`(`",
        Rule::close_parenthesis => "`)`",
        Rule::dot_brace => "`.{`",
        Rule::or_word
        | Rule::and_word
        | Rule::equal
        | Rule::not_equal
        | Rule::less
        | Rule::less_equal
        | Rule::greater
        | Rule::greater_equal
        | Rule::union
        | Rule::intersection
        | Rule::plus
        | Rule::minus
        | Rule::times
        | Rule::divide => "an operator",
        Rule::unit
        | Rule::percent
        | Rule::arguments
        | Rule::checkpoint
        | Rule::at_sign
        | Rule::range
        | Rule::plain_range
        | Rule::index
        | Rule::family
        | Rule::for_word
        | Rule::where_word
        | Rule::dot
        | Rule::dots => return None,
        // These match without consuming or never by themselves.
        Rule::item
        | Rule::expression
        | Rule::setting
        | Rule::gap
        | Rule::names
        | Rule::separator
        | Rule::chain
        | Rule::plain_chain
        | Rule::plain_operand
        | Rule::plain_single
        | Rule::header_family
        | Rule::target
        | Rule::operand
        | Rule::operator
        | Rule::infix
        | Rule::whole
        | Rule::sign
        | Rule::single
        | Rule::element
        | Rule::blank
        | Rule::letter
        | Rule::word_of_values
        | Rule::WHITESPACE
        | Rule::COMMENT => return None,
    })
}

/// The place of an error and what stands around it.
struct Place<'a> {
    source: &'a str,
    expected: Vec<Rule>,
    /// The last token before it that is neither comment nor line break.
    before: Option<Token>,
    /// The token at it; `None` at the end of the text.
    found: Option<Token>,
    /// The token after `found`, line breaks skipped.
    after: Option<Token>,
    /// The first tokens of the piece.
    head: Option<Token>,
    /// `found` is the first of its line.
    begins_line: bool,
}

impl Place<'_> {
    fn expects(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    fn text(&self, token: Option<Token>) -> &str {
        token.map_or("", |token| token.text(self.source))
    }

    fn kind(&self) -> Option<TokenKind> {
        self.found.map(|token| token.kind)
    }

    /// Where the message points: the found token, or right behind the last one of the line.
    fn span(&self) -> Span {
        match (self.found, self.before) {
            (Some(found), _) if found.is_significant() => found.span(),
            (_, Some(before)) => Span {
                start: before.end,
                end: before.end,
            },
            _ => Span::default(),
        }
    }

    fn found_words(&self) -> String {
        match self.kind() {
            None => "the end of the declaration".to_owned(),
            Some(kind) => match kind {
                TokenKind::Newline | TokenKind::Comment => "the end of the line".to_owned(),
                TokenKind::Text | TokenKind::OpenText => "a text".to_owned(),
                TokenKind::Unknown => foreign(self.text(self.found)),
                _ => format!("`{}`", shortened(self.text(self.found))),
            },
        }
    }
}

/// Reads pest's error in one piece of the text.
pub(crate) fn explain(source: &str, tokens: &[Token], piece: Span, error: Error<Rule>) -> SyntaxError {
    let offset = piece.start;
    let at = offset
        + match error.location {
            InputLocation::Pos(at) => at,
            InputLocation::Span((start, _)) => start,
        };
    let index = tokens.partition_point(|token| token.end <= at);
    let first = tokens.partition_point(|token| token.end <= offset);
    let ErrorVariant::ParsingError {
        positives: expected, ..
    } = error.variant
    else {
        return SyntaxError::new(
            TOO_LARGE,
            tokens.get(first).map_or_else(Span::default, |token| token.span()),
            "this declaration is too large to be read",
            "begins here",
        )
        .help("split it, or give parts of it names with `let`");
    };
    let significant = |from: usize| tokens.iter().skip(from).copied().find(|t| t.is_significant());
    let place = Place {
        source,
        expected,
        before: tokens
            .get(first..index)
            .unwrap_or_default()
            .iter()
            .rev()
            .copied()
            .find(|t| t.is_significant()),
        found: tokens.get(index).copied().filter(|_| at < piece.end),
        after: significant(index + 1).filter(|token| token.end <= piece.end),
        head: tokens.get(first).copied(),
        begins_line: index > first
            && tokens
                .get(index - 1)
                .is_some_and(|token| token.kind == TokenKind::Newline),
    };
    special(&place).unwrap_or_else(|| general(&place))
}

/// Cases in which more can be said than what was expected.
fn special(place: &Place<'_>) -> Option<SyntaxError> {
    let span = place.span();
    let found = place.text(place.found);
    let before = place.text(place.before);
    let end_of_line = matches!(place.kind(), None | Some(TokenKind::Newline | TokenKind::Comment));
    let error = |message: String, label: &str| SyntaxError::new(EXPECTED, span, message, label);

    if VALUE_WORDS.contains(&found)
        && (place.expects(Rule::name) || place.expects(Rule::path))
        && !place.expects(Rule::value)
    {
        return Some(
            error(
                format!("`{found}` is a word of the language and no name"),
                "cannot be a name",
            )
            .help("choose another name"),
        );
    }
    if end_of_line
        && place.text(place.after) == "{"
        && (place.expects(Rule::open_brace) || place.expects(Rule::fields))
    {
        return Some(
            error("expected `{` on this line".to_owned(), "`{` is missing here")
                .help("the opening brace stands on the line of the name"),
        );
    }
    if found == "=" && VALUE_WORDS.contains(&before) {
        let span = place.before.map_or(span, |before| before.span());
        let message = format!("`{before}` is a word of the language and no name");
        return Some(
            SyntaxError::new(EXPECTED, span, message, "cannot be a name").help("choose another name"),
        );
    }
    if place.expects(Rule::equals) && found == "==" {
        return Some(
            error("expected `=`, found `==`".to_owned(), "compares")
                .help("`=` gives a value; `==` compares two"),
        );
    }
    if found == "=" && place.expects(Rule::equal) && !place.expects(Rule::equals) {
        return Some(
            error(
                format!("expected {}, found `=`", wishes(place)),
                "`=` gives a value",
            )
            .help("two values are compared with `==`"),
        );
    }
    if found == "-"
        && place
            .before
            .is_some_and(|token| token.kind == TokenKind::Word && token.end == span.start)
        && (place.expects(Rule::equals) || place.expects(Rule::open_brace) || place.expects(Rule::title))
    {
        return Some(
            error(
                format!("expected {}, found `-`", wishes(place)),
                "no part of a name",
            )
            .help("names are made of letters, digits and `_`"),
        );
    }
    if let Some(help) = head_help(place, found) {
        return Some(general(place).help(help));
    }
    if found == "for"
        && place
            .head
            .is_some_and(|head| KEYWORDS.contains(&head.text(place.source)))
    {
        return Some(
            SyntaxError::new(HABIT, span, "there are no loops", "a loop").help(
                "`for` stands behind a declaration's name: `train rl for algo in [ppo, grpo] { … }` declares rl[ppo] and rl[grpo]",
            ),
        );
    }
    if place.text(place.head) == "claim"
        && (place.expects(Rule::title) || place.expects(Rule::text))
        && !place.expects(Rule::value)
    {
        let message = format!(
            "expected the statement of the claim, found {}",
            place.found_words()
        );
        return Some(
            error(message, "no statement before this")
                .help("say in double quotes what is claimed: `claim better \"RL is better\" { … }`"),
        );
    }
    if found == "-" && place.begins_line && !place.expects(Rule::value) {
        return Some(
            error("a line cannot begin with `-`".to_owned(), "joined to no line")
                .help("a list is written `[a, b]`; a subtraction that goes on has its `-` at the end of the line before"),
        );
    }
    if place.expects(Rule::equals) && KEYWORDS.contains(&before) && place.kind() == Some(TokenKind::Word) {
        return Some(
            error(
                format!(
                    "expected `=` after the name `{before}`, found `{}`",
                    shortened(found)
                ),
                "no `=` before this",
            )
            .help("declarations stand outside of all braces, a field is `name = value`"),
        );
    }
    if place.expects(Rule::value) && end_of_line && before == "=" {
        return Some(
            error(
                "expected a value after `=`, found the end of the line".to_owned(),
                "a value is missing here",
            )
            .help("the value begins on the line of its name"),
        );
    }
    None
}

/// What is meant by forms of families and conditions that other languages have.
fn head_help(place: &Place<'_>, found: &str) -> Option<&'static str> {
    let names_axis = place.expects(Rule::in_word);
    Some(match found {
        "if" => {
            "there are no conditions: a profile changes values, and `where` says which members a family has"
        }
        "$" => "a name stands for its value as it is: `n`, not `${n}`",
        "in" | "["
            if (place.expects(Rule::open_brace) || place.expects(Rule::fields))
                && place.expects(Rule::equals) =>
        {
            "a family is declared with `for`: `train rl for algo in [ppo, grpo] { … }` declares rl[ppo] and rl[grpo]"
        }
        "=" | ":" if names_axis => "an axis has its values behind `in`: `for algo in [ppo, grpo]`",
        "{" | "," if names_axis => "the values of an axis stand in brackets: `for algo in [ppo, grpo]`",
        ":" if place.expects(Rule::comma) && !place.expects(Rule::close_bracket) => {
            "fields stand in braces: write `{` here and `}` after the last field"
        }
        _ => return None,
    })
}

fn general(place: &Place<'_>) -> SyntaxError {
    let error = SyntaxError::new(
        EXPECTED,
        place.span(),
        format!("expected {}, found {}", wishes(place), place.found_words()),
        if place.span().start == place.span().end {
            "missing here"
        } else {
            "not expected here"
        },
    );
    let begins_value = matches!(
        place.kind(),
        Some(TokenKind::Word | TokenKind::Number | TokenKind::Text)
    ) || matches!(place.text(place.found), "[" | "{" | "(");
    if begins_value && place.expects(Rule::comma) {
        return error.help(if place.expects(Rule::newline) {
            "fields on one line have commas between them"
        } else {
            "values of a list have commas between them"
        });
    }
    if place.kind() == Some(TokenKind::Unknown) {
        return error
            .help("names are made of the letters a to z, digits and `_`; texts stand in double quotes");
    }
    error
}

/// `a, b or c`: what could stand here, the most telling only.
fn wishes(place: &Place<'_>) -> String {
    if place.expects(Rule::every) {
        return "a checkpoint (a step, `*` or `last`)".to_owned();
    }
    let mut words: Vec<&str> = Vec::new();
    for rule in &place.expected {
        if let Some(word) = symbol(*rule)
            && !words.contains(&word)
        {
            words.push(word);
        }
    }
    let has = |word: &str| words.contains(&word);
    // After a whole value an operator, arguments or changed fields are always possible; what
    // ends the value says more.
    let ends = [END, "`,`", "a new line", "`}`", "`]`", "`)`"]
        .into_iter()
        .any(has);
    let value = has("a value");
    let equals = has("`=`");
    let titled = matches!(place.text(place.head), "claim" | "figure" | "table");
    words.retain(|word| match *word {
        "an operator" | "`by`" => !ends,
        "`{`" | "`(`" | "`[`" => !ends && !value,
        "`=`" => !ends,
        "a text in double quotes" => !value && (titled || !equals),
        "a name" => !value,
        _ => true,
    });
    words.sort_by_key(|word| order(word));
    match words.as_slice() {
        [] => "something else".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// What ends a declaration, apart from the file.
const END: &str = "the end of the line";

/// Signs of separation first, brackets last.
fn order(word: &str) -> u8 {
    match word {
        "a value" | "a name" | "a field" => 0,
        "a new line" => 1,
        "`,`" => 2,
        "`=`" => 3,
        _ => 4,
    }
}

/// A character that shows nothing is named by its number.
fn foreign(text: &str) -> String {
    match text.chars().next() {
        Some(char) if char.is_whitespace() || char.is_control() || char == '\u{200b}' => {
            format!("the invisible character U+{:04X}", u32::from(char))
        }
        _ => format!("`{text}`"),
    }
}

/// The first characters of a long word.
pub(crate) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(24).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
