//! The syntax tree: what was written, where. It knows no type and resolves no name.

/// A half-open range of byte offsets in the source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// A value with the place where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    pub node: T,
    pub span: Span,
}

/// A name as written.
pub type Ident = Spanned<String>;

/// Dotted names: `std.models.base`. Never empty.
pub type Path = Spanned<Vec<Ident>>;

/// One source file.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// The `//!` lines at the head of the file, joined by newlines, without the marker.
    pub doc: Option<String>,
    pub items: Vec<Item>,
}

/// One top-level item with its `///` doc lines. The span goes from its first word to its last
/// token, docs and comments apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub doc: Option<String>,
    pub span: Span,
    pub kind: ItemKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    Use(Use),
    Declaration(Declaration),
    Profile(Profile),
}

/// `use std.models.{a, b}`, `use std.data.math_train`, `use "./shared.rlx" as shared`.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    pub from: UseFrom,
    /// The names in braces; empty when the path itself names what is used.
    pub names: Vec<Ident>,
    pub alias: Option<Ident>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum UseFrom {
    Path(Path),
    File(Spanned<String>),
}

/// The word that opens a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Keyword {
    Param,
    Let,
    Model,
    Data,
    Benchmark,
    Algorithm,
    Train,
    Distill,
    Search,
    Evaluate,
    Figure,
    Table,
    Claim,
}

/// `KEYWORD name = value`, `KEYWORD name { fields }` or `claim name "statement" { expression }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    pub keyword: Spanned<Keyword>,
    pub name: Ident,
    /// The text after a claim's (or figure's, table's) name.
    pub title: Option<Spanned<String>>,
    /// One declaration for each choice of values.
    pub family: Option<Spanned<Family>>,
    pub body: Body,
}

/// `for algo in [ppo, grpo], steps in [150, 300] where algo == grpo`
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Never empty.
    pub axes: Vec<Axis>,
    pub condition: Option<Box<Expr>>,
}

/// `algo in [ppo, grpo]`
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub name: Ident,
    pub domain: Expr,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// `= expression`
    Value(Expr),
    /// `{ a = 1, b = 2 }`; the span covers the braces.
    Fields(Spanned<Vec<Field>>),
    /// The braces of a claim hold one expression.
    Block(Spanned<Box<Expr>>),
}

/// `name = value` in braces; in a profile the name can be dotted and can name members of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: Path,
    /// `rl[grpo].steps`: after how many names the brackets stand, and what is in them.
    pub members: Option<(usize, Spanned<Vec<Selector>>)>,
    pub value: Expr,
}

/// `profile laptop { base = …  rl.steps = 20 steps }`
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub name: Ident,
    pub fields: Vec<Field>,
}

pub type Expr = Spanned<ExprKind>;

#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    Number(Number),
    Text(String),
    Bool(bool),
    None,
    /// A name or dotted names.
    Path(Path),
    /// `rl[grpo, 150]`, `rl[*]`
    Members {
        of: Path,
        selectors: Vec<Selector>,
    },
    /// `[a, b, c]`
    List(Vec<Expr>),
    /// `{ a = 1, b = 2 }`
    Record(Vec<Field>),
    /// `base { a = 1 }`: `base` with some fields changed.
    Update {
        base: Box<Expr>,
        fields: Vec<Field>,
    },
    /// `f(a, k = 2)`
    Call {
        callee: Path,
        arguments: Vec<Argument>,
    },
    /// `a..b`, `a..b by 10`, `a..b by *2`; inclusive on both sides.
    Range {
        start: Box<Expr>,
        end: Box<Expr>,
        step: Option<Step>,
    },
    /// `rl@150`, `rl@*` or `rl@last`
    Checkpoint {
        of: Box<Expr>,
        at: Checkpoint,
    },
    Negate(Box<Expr>),
    Not(Box<Expr>),
    Binary {
        operator: Spanned<Operator>,
        left: Box<Expr>,
        right: Box<Expr>,
    },
}

/// A number as written: `1_024`, `0.6`, `1e-6`, `5%`, `1024 samples`.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// The value without its unit (5 for `5%`).
    pub value: f64,
    /// True when neither a point nor an exponent was written.
    pub integer: bool,
    pub unit: Option<Ident>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    pub name: Option<Ident>,
    pub value: Expr,
}

/// One choice in `rl[grpo, steps = 150]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// The axis; without it the one at the same place.
    pub axis: Option<Ident>,
    pub pick: Pick,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Pick {
    /// `*`
    All(Span),
    Value(Box<Expr>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Add(Box<Expr>),
    Multiply(Box<Expr>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Checkpoint {
    Step(Box<Expr>),
    All(Span),
    /// The last kept checkpoint.
    Last(Span),
}

/// Loosest first: `or`, `and`, comparisons (do not chain), `|` union, `&` intersection, `+ -`, `* /`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Union,
    Intersection,
    Add,
    Subtract,
    Multiply,
    Divide,
}
