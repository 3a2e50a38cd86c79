//! What the system makes of a text.

/// A formula.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Number(f64),
    /// A name: a letter, a command, either with an index.
    Name(String),
    Infinity,
    Negative(Box<Tree>),
    Add(Box<Tree>, Box<Tree>),
    Multiply(Box<Tree>, Box<Tree>),
    Divide(Box<Tree>, Box<Tree>),
    Power(Box<Tree>, Box<Tree>),
    /// A known function.
    Function(&'static str, Vec<Tree>),
    /// An unknown function's value.
    Call(String, Vec<Tree>),
    /// A sum or product: whether it is a sum, the name, both ends, what is folded.
    Fold(bool, String, Box<[Tree; 3]>),
    /// An integral over a name, from, to, of.
    Integral(String, Box<[Tree; 3]>),
    /// An integral without ends.
    Primitive(String, Box<Tree>),
    Derivative(String, Box<Tree>),
    Limit(String, Box<[Tree; 2]>),
    /// `\frac{d}{dx}` before what it is taken of.
    Operator(String),
}

impl Tree {
    pub(super) fn parts(&self) -> Vec<&Tree> {
        match self {
            Tree::Number(_) | Tree::Name(_) | Tree::Infinity | Tree::Operator(_) => Vec::new(),
            Tree::Negative(a) | Tree::Primitive(_, a) | Tree::Derivative(_, a) => vec![a],
            Tree::Add(a, b) | Tree::Multiply(a, b) | Tree::Divide(a, b) | Tree::Power(a, b) => vec![a, b],
            Tree::Function(_, all) | Tree::Call(_, all) => all.iter().collect(),
            Tree::Fold(_, _, all) | Tree::Integral(_, all) => all.iter().collect(),
            Tree::Limit(_, all) => all.iter().collect(),
        }
    }

    pub(super) fn any(&self, test: &dyn Fn(&Tree) -> bool) -> bool {
        test(self) || self.parts().into_iter().any(|part| part.any(test))
    }

    pub(super) fn has_names(&self) -> bool {
        self.any(&|part| matches!(part, Tree::Name(_) | Tree::Call(..)))
    }

    /// All names, bound ones too, each once, in order.
    pub(super) fn names(&self) -> Vec<&str> {
        fn collect<'a>(tree: &'a Tree, found: &mut Vec<&'a str>) {
            match tree {
                Tree::Name(name) => found.push(name),
                other => other.parts().into_iter().for_each(|part| collect(part, found)),
            }
        }
        let mut found = Vec::new();
        collect(self, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    pub(super) fn negative(self) -> Tree {
        match self {
            Tree::Number(value) => Tree::Number(-value),
            Tree::Negative(inner) => *inner,
            other => Tree::Negative(Box::new(other)),
        }
    }

    pub(super) fn minus(self, other: Tree) -> Tree {
        Tree::Add(Box::new(self), Box::new(other.negative()))
    }

    pub(super) fn times(self, other: Tree) -> Tree {
        Tree::Multiply(Box::new(self), Box::new(other))
    }
}

/// Whether two formulas print alike, though one has an unknown function where the other has a known one.
pub(super) fn prints_as(a: &Tree, b: &Tree) -> bool {
    match (a, b) {
        (Tree::Call(called, x), Tree::Function(known, y))
        | (Tree::Function(known, y), Tree::Call(called, x)) => called == known && x == y,
        _ => false,
    }
}

/// What a whole text is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    Formula(Tree),
    /// A relation: its sign, its sides. A chain has a relation on its left.
    Relation(&'static str, Box<Reading>, Box<Tree>),
    /// A relation between numbers.
    Truth(bool),
    Tuple(Vec<Reading>),
    List(Vec<Reading>),
    Set(Vec<Reading>),
    Matrix(Vec<Vec<Tree>>),
    /// Nothing reads it.
    Text(String),
}
