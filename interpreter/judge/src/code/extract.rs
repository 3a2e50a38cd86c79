//! The program in a response.

use super::{CodeTask, ProgramKind, Tests};

/// A program with the rule that found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    pub program: String,
    /// `program`, `completion`, `fence`, `tag` or `bare`.
    pub rule: &'static str,
}

struct Block<'a> {
    /// The word after the opening fence, in lower case.
    language: String,
    lines: Vec<&'a str>,
}

/// The program of a response; None where there is none.
///
/// A reply may think aloud first: what comes before the last `</think>` is not looked at. Of its fenced blocks in
/// Python, or without a language, the last one that defines what the tests reach for is taken, else the last one that
/// defines anything, else the last one. A fence that is never closed ends with the reply. A reply without a fence is a
/// program from its first line of Python on.
pub fn program_of(task: &CodeTask<'_>) -> Option<Extracted> {
    match task.kind {
        ProgramKind::Program => Some(Extracted {
            program: task.response.to_owned(),
            rule: "program",
        }),
        ProgramKind::Completion => Some(Extracted {
            program: format!("{}{}", task.prompt, task.response),
            rule: "completion",
        }),
        ProgramKind::Reply => {
            let text = task
                .response
                .rsplit_once("</think>")
                .map_or(task.response, |(_, answer)| answer);
            fenced(text, task)
                .or_else(|| tagged(text))
                .or_else(|| bare(text, task))
        }
    }
}

fn fenced(text: &str, task: &CodeTask<'_>) -> Option<Extracted> {
    let blocks: Vec<Block<'_>> = blocks(text)
        .into_iter()
        .filter(|block| ["", "python", "python3", "py", "python2"].contains(&block.language.as_str()))
        .filter(|block| block.lines.iter().any(|line| !line.trim().is_empty()))
        .collect();
    let wanted = task.wanted();
    let defines = |block: &&Block<'_>, name: Option<&str>| {
        block.lines.iter().any(|line| {
            let line = line.trim_start();
            let begins = |keyword: &str| {
                line.strip_prefix(keyword).is_some_and(|rest| match name {
                    Some(name) => rest
                        .trim_start()
                        .strip_prefix(name)
                        .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')),
                    None => true,
                })
            };
            begins("def ")
                || begins("class ")
                || begins("async def ")
                || name.is_some_and(|name| {
                    line.strip_prefix(name)
                        .is_some_and(|rest| rest.trim_start().starts_with("= "))
                })
        })
    };
    let chosen = wanted
        .as_deref()
        .and_then(|name| blocks.iter().rfind(|block| defines(block, Some(name))))
        .or_else(|| match task.tests {
            Tests::Stdin(_) => None,
            _ => blocks.iter().rfind(|block| defines(block, None)),
        })
        .or_else(|| blocks.last())?;
    Some(Extracted {
        program: dedented(&chosen.lines),
        rule: "fence",
    })
}

/// All fenced blocks, in order.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<(char, usize, Block<'_>)> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let mark = trimmed.chars().next().unwrap_or(' ');
        let ticks = trimmed.chars().take_while(|c| *c == mark).count();
        let fence = (mark == '`' || mark == '~') && ticks >= 3;
        match &mut open {
            None if fence => {
                let info = trimmed.trim_start_matches(mark).trim();
                let language = info
                    .trim_start_matches(['{', '.'])
                    .split(|c: char| c.is_whitespace() || c == '}' || c == ',')
                    .next()
                    .unwrap_or_default()
                    .to_lowercase();
                open = Some((
                    mark,
                    ticks,
                    Block {
                        language,
                        lines: Vec::new(),
                    },
                ));
            }
            None => {}
            Some((opened, count, _))
                if fence && mark == *opened && ticks >= *count && trimmed.trim_end().len() == ticks =>
            {
                if let Some((_, _, block)) = open.take() {
                    found.push(block);
                }
            }
            Some((_, _, block)) => block.lines.push(line),
        }
    }
    found.extend(open.map(|(_, _, block)| block));
    found
}

/// The form of Code Llama: `[PYTHON] … [/PYTHON]`.
fn tagged(text: &str) -> Option<Extracted> {
    let (_, rest) = text.rsplit_once("[PYTHON]")?;
    let body = rest.split("[/PYTHON]").next()?;
    (!body.trim().is_empty()).then(|| Extracted {
        program: body.trim_matches('\n').to_owned() + "\n",
        rule: "tag",
    })
}

/// A reply without fences: from the first line that can only be Python.
fn bare(text: &str, task: &CodeTask<'_>) -> Option<Extracted> {
    let starts = |line: &str| {
        ["def ", "class ", "import ", "from ", "async def ", "@"]
            .iter()
            .any(|word| line.starts_with(word))
            && (line.trim_end().ends_with(':')
                || line.contains("import ")
                || line.contains('(')
                || line.starts_with('@'))
    };
    let stdin = matches!(task.tests, Tests::Stdin(_));
    let statement = |line: &str| stdin && (line.contains("input()") || line.starts_with("print("));
    let lines: Vec<&str> = text.lines().collect();
    let mut first = lines.iter().position(|line| {
        starts(line) || statement(line) || (stdin && line.contains(" = ") && line.ends_with(')'))
    })?;
    // Comments and assignments right above belong to it.
    while first > 0
        && lines
            .get(first - 1)
            .is_some_and(|line| line.starts_with('#') || (line.contains(" = ") && !line.ends_with('.')))
    {
        first -= 1;
    }
    let program = lines.get(first..)?.join("\n");
    Some(Extracted {
        program: program + "\n",
        rule: "bare",
    })
}

/// The lines without the blanks that all of them begin with (a fence within a list is indented).
fn dedented(lines: &[&str]) -> String {
    let margin = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    let mut text = String::new();
    for line in lines {
        text.push_str(line.get(margin..).unwrap_or_default());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(response: &str, tests: &Tests) -> Option<Extracted> {
        program_of(&CodeTask {
            kind: ProgramKind::Reply,
            response,
            prompt: "",
            setup: "",
            tests,
            starter_code: "",
            truncated: false,
        })
    }

    fn program(response: &str) -> Option<String> {
        reply(response, &Tests::Source("assert f(1) == 1".into())).map(|found| found.program)
    }

    #[test]
    fn the_block_that_defines_what_is_tested_is_taken() {
        let text = "Try:\n```python\ndef f(x):\n    return 0\n```\nBetter:\n```python\ndef f(x):\n    return x\n```\n\
                    Use it:\n```python\nprint(f(3))\n```\nOutput:\n```\n3\n```\n";
        assert_eq!(program(text).as_deref(), Some("def f(x):\n    return x\n"));
    }

    #[test]
    fn open_indented_and_foreign_fences_are_understood() {
        assert_eq!(
            program("```python\ndef f(x):\n    return x").as_deref(),
            Some("def f(x):\n    return x\n")
        );
        assert_eq!(
            program("1. So:\n   ```py\n   def f(x):\n       return x\n   ```\n").as_deref(),
            Some("def f(x):\n    return x\n")
        );
        assert_eq!(
            program("```bash\npip install x\n```\n~~~python\nf = abs\n~~~").as_deref(),
            Some("f = abs\n")
        );
        let inner = "````python\ndef f(x):\n    '''\n```\n'''\n    return x\n````";
        assert!(program(inner).unwrap().ends_with("return x\n"));
    }

    #[test]
    fn thoughts_are_no_answer_and_prose_is_no_program() {
        assert_eq!(
            program("<think>```python\ndef f(x): pass\n```</think>\nI cannot."),
            None
        );
        assert_eq!(program("I would count the items from left to right."), None);
        assert_eq!(program(""), None);
        assert_eq!(program("```\n\n```"), None);
    }

    #[test]
    fn bare_code_is_a_program() {
        assert_eq!(
            program("Sure, here it is:\nimport math\ndef f(x):\n    return x").as_deref(),
            Some("import math\ndef f(x):\n    return x\n")
        );
        let stdin = Tests::Stdin(Vec::new());
        assert_eq!(
            reply("n = int(input())\nprint(n)", &stdin).unwrap().program,
            "n = int(input())\nprint(n)\n"
        );
    }
}
