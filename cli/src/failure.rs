//! What ends a command early, and how it is shown.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use rlx_run::{BackendError, RunError};
use std::{fmt, io::IsTerminal, process::ExitCode};

/// A command that could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Diagnostics of a `.rlx` file, shown already by whoever found them.
    Shown,
    /// Anything else a person can mend.
    Error(Box<Plain>),
}

/// An error without source text.
#[derive(Debug)]
pub(crate) struct Plain {
    code: String,
    message: String,
    help: Option<String>,
}

impl Plain {
    pub(crate) fn code(&self) -> &str {
        &self.code
    }
}

impl Failure {
    pub(crate) fn user(code: impl Into<String>, message: impl Into<String>, help: Option<String>) -> Failure {
        Failure::Error(Box::new(Plain {
            code: code.into(),
            message: message.into(),
            help,
        }))
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &std::path::Path, doing: &str, error: &std::io::Error) -> Failure {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "check the path",
            std::io::ErrorKind::StorageFull => "free some space and run the same command again",
            _ => "check that it is a file this user may use",
        };
        Failure::user(
            "rlx::file",
            format!("cannot {doing} {}: {error}", path.display()),
            Some(help.into()),
        )
    }

    pub(crate) fn print(&self) {
        if let Failure::Error(plain) = self {
            eprint!("{}", draw(plain.as_ref()));
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(1)
    }
}

/// A diagnostic as text: in colour on a terminal, else plain.
pub(crate) fn draw(diagnostic: &dyn Diagnostic) -> String {
    let theme = if std::io::stderr().is_terminal() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(110)
        .with_links(false);
    match handler.render_report(&mut text, diagnostic) {
        Ok(()) => text,
        Err(_) => format!("error: {diagnostic}\n"),
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Failure {
        Failure::user(error.code, error.message, error.help)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        Failure::user(error.code(), error.to_string(), error.help())
    }
}

impl From<rlx_inspect::InspectError> for Failure {
    fn from(error: rlx_inspect::InspectError) -> Failure {
        Failure::user(error.code(), error.to_string(), error.help())
    }
}

impl From<rlx_package::PackError> for Failure {
    fn from(error: rlx_package::PackError) -> Failure {
        Failure::user(error.code(), error.to_string(), error.help())
    }
}

impl From<rlx_store::StoreError> for Failure {
    fn from(error: rlx_store::StoreError) -> Failure {
        RunError::from(error).into()
    }
}

impl From<rlx_data::DataError> for Failure {
    fn from(error: rlx_data::DataError) -> Failure {
        RunError::from(error).into()
    }
}

impl From<rlx_plan::PlanError> for Failure {
    fn from(error: rlx_plan::PlanError) -> Failure {
        RunError::from(error).into()
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Plain {}

impl Diagnostic for Plain {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Error)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
}
