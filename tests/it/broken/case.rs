//! A file of `tests/data/config`: what the program is given, a line of dashes, what it says.

use std::{fs, path::Path, process::Stdio, time::Duration};
use tokio::{process::Command, time::timeout};

/// The exit code of a configuration that can't be used.
const USAGE: i32 = 64;

/// More than a program needs that refuses to start.
const LIMIT: Duration = Duration::from_secs(60);

/// Begins a line that is for the test.
const MARK: &str = "#! ";

/// Ends what the program is given.
const DASHES: &str = "------------------------------------------------------------";

/// One such file.
#[derive(Debug)]
pub(super) struct Case {
    /// The text above the dashes, as it is.
    given: String,
    arguments: String,
    variables: Vec<(String, String)>,
    /// Placeholders, and what stands for them.
    replacements: Vec<(String, String)>,
    /// Names and texts.
    files: Vec<(String, String)>,
    pub(super) expected: Said,
}

/// What a program said, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    code: i32,
}

impl Case {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut case = Self {
            given: String::new(),
            arguments: "check".to_owned(),
            variables: Vec::new(),
            replacements: Vec::new(),
            files: Vec::new(),
            expected: Said {
                text: String::new(),
                code: USAGE,
            },
        };
        let mut name = "config.yaml".to_owned();
        let mut file = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = below;
            if let Some(end) = line.strip_prefix(DASHES) {
                case.expected = Said::parse(end, below)?;
                break;
            }
            case.given.extend([line, "\n"]);
            match line.strip_prefix(MARK) {
                Some(mark) => {
                    if let Some(next) = mark.strip_prefix("file: ") {
                        case.files.push((name, file));
                        (name, file) = (next.to_owned(), String::new());
                        continue;
                    }
                    case.mark(mark)?;
                }
                None if line.starts_with("#!") => {
                    return Err(format!("`{line}` has no space after its `#!`"));
                }
                None => {}
            }
            // A mark is a comment of the file as well: so its lines have the numbers that messages tell.
            file.extend([line, "\n"]);
        }
        case.files.push((name, file));
        Ok(case)
    }

    fn mark(&mut self, mark: &str) -> Result<(), String> {
        let (key, value) = mark.split_once(": ").unwrap_or((mark, ""));
        match key {
            "arguments" => self.arguments = value.to_owned(),
            "env" => {
                let (name, value) = value.split_once('=').ok_or("write `#! env: NAME=value`")?;
                self.variables.push((name.to_owned(), value.to_owned()));
            }
            "where" => {
                let form = r#"write `#! where: NAME = "text"` or `#! where: NAME = "text" * 100`"#;
                let (name, value) = value.split_once(" = ").ok_or(form)?;
                let (text, times) = value.rsplit_once(" * ").unwrap_or((value, "1"));
                let text: String = serde_json::from_str(text).map_err(|_| form)?;
                let times: usize = times.parse().map_err(|_| form)?;
                let replacement = (format!("<{name}>"), text.repeat(times));
                self.replacements.push(replacement);
            }
            _ => {
                return Err(format!(
                    "`{key}` is not known here; write `arguments`, `env`, `where` or `file`"
                ));
            }
        }
        Ok(())
    }

    /// The file that says this.
    pub(super) fn show(&self) -> String {
        format!("{}{}", self.given, self.expected.show())
    }

    /// Runs the program in a directory that has these files and no others.
    pub(super) async fn run(&self) -> Said {
        let directory = tempfile::tempdir().expect("there is room");
        for (name, text) in &self.files {
            let path = directory.path().join(name);
            let folder = path.parent().unwrap_or(Path::new(""));
            fs::create_dir_all(folder).expect("there is room");
            fs::write(path, self.replaced(text)).expect("there is room");
        }
        let variables = self.variables.iter();
        let mut program = Command::new(env!("CARGO_BIN_EXE_shop"));
        program
            .args(self.arguments.split_whitespace())
            .current_dir(directory.path())
            // What somebody has set for a service of theirs is not meant for this one.
            .env_clear()
            .envs(variables.map(|(name, value)| (name, self.replaced(value))))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let ended = timeout(LIMIT, program.output()).await;
        let Ok(output) = ended else {
            return Said {
                text: format!("it did not end within {LIMIT:?}"),
                code: -1,
            };
        };
        let output = output.expect("the program can be run");
        let mut text = visible(&output.stderr);
        if !output.stdout.is_empty() {
            text = format!("{text}\nstandard output:\n{}", visible(&output.stdout));
        }
        Said {
            text: text.trim_end().to_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    fn replaced(&self, text: &str) -> String {
        let replacements = self.replacements.iter();
        replacements.fold(text.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
    }
}

impl Said {
    fn parse(end: &str, text: &str) -> Result<Self, String> {
        let code = match end.trim().strip_prefix("exit ") {
            Some(code) => code
                .parse()
                .map_err(|_| format!("`{code}` is not an exit code"))?,
            None if end.trim().is_empty() => USAGE,
            None => return Err(format!("write `exit 1` behind the dashes, not `{end}`")),
        };
        Ok(Self {
            text: text.trim_end().to_owned(),
            code,
        })
    }

    /// The dashes and what stands below them.
    pub(super) fn show(&self) -> String {
        let code = match self.code {
            USAGE => String::new(),
            code => format!(" exit {code}"),
        };
        format!("{DASHES}{code}\n{}\n", self.text)
    }
}

/// As text in which each character can be seen, like those that move the cursor.
fn visible(bytes: &[u8]) -> String {
    let shown = |c: char| match c {
        '\n' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    String::from_utf8_lossy(bytes).chars().map(shown).collect()
}

#[test]
fn a_case_is_read_and_written() {
    let text = format!(
        "#! arguments: run --profile dev\n#! env: A=<B>\n#! where: B = \"\\t\" * 3\na: <B>\n\
         #! file: config.dev.yaml\nb: 1\n{DASHES} exit 1\nerror: x\n"
    );
    let case = Case::parse(&text).unwrap();
    assert_eq!(case.show(), text);
    assert_eq!(case.arguments, "run --profile dev");
    assert_eq!(case.replaced(&case.variables[0].1), "\t\t\t");
    assert_eq!(case.files[0].1.lines().nth(3), Some("a: <B>"));
    assert_eq!(case.files[1], ("config.dev.yaml".into(), "b: 1\n".into()));
    assert_eq!(case.expected.code, 1);

    for (text, told) in [
        ("#! envs: A=1\n", "`envs` is not known"),
        ("#! env: A\n", "write `#! env: NAME=value`"),
        ("#!env: A=1\n", "has no space"),
        ("#! where: A = b\n", "write `#! where: "),
    ] {
        assert!(Case::parse(text).unwrap_err().contains(told), "{text}");
    }
    assert!(Case::parse(&format!("{DASHES} 1\n")).is_err());
}
