//! `Filter`: which rows of a source are problems of a set.

use serde::{Deserialize, Serialize};

/// A condition on the columns of a row: `subject == "algebra" and level <= 3`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare {
        /// Name of a column; dots lead into objects.
        column: Vec<String>,
        comparison: CellTest,
        with: Cell,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellTest {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl CellTest {
    /// As rlx writes it.
    pub fn sign(self) -> &'static str {
        match self {
            CellTest::Equal => "==",
            CellTest::NotEqual => "!=",
            CellTest::Less => "<",
            CellTest::LessEqual => "<=",
            CellTest::Greater => ">",
            CellTest::GreaterEqual => ">=",
        }
    }

    /// True for those that ask which of two values is larger.
    pub fn is_order(self) -> bool {
        !matches!(self, CellTest::Equal | CellTest::NotEqual)
    }
}

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    None,
    Bool(bool),
    Number(f64),
    Text(String),
    /// An empty list, or one of texts.
    List(Vec<String>),
}
