//! Rust source with its comments and literals told from its code.

/// What a file says to the compiler, and what it says to people.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The text with every comment and every literal's content replaced by blanks; lines keep their numbers.
    pub(crate) code: String,
    /// The line comments that are no documentation: the line's number from 1, and what follows the slashes.
    pub(crate) comments: Vec<(usize, String)>,
}

impl Source {
    /// Reads a file. Anything that is not valid Rust gives something, never a panic.
    pub(crate) fn read(text: &str) -> Self {
        let mut reader =
            Reader { chars: text.chars().collect(), at: 0, line: 1, code: String::new(), comments: Vec::new() };
        while reader.at < reader.chars.len() {
            reader.step();
        }
        Self { code: reader.code, comments: reader.comments }
    }

    /// The code before the file's unit tests.
    pub(crate) fn outside_tests(&self) -> &str {
        let tests = self.code.find("#[cfg(test)]").unwrap_or(self.code.len());
        &self.code[..tests]
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
    code: String,
    comments: Vec<(usize, String)>,
}

impl Reader {
    fn step(&mut self) {
        if self.starts("//") {
            self.line_comment();
        } else if self.starts("/*") {
            self.block_comment();
        } else if let Some(hashes) = self.raw_string() {
            self.literal(&format!("\"{}", "#".repeat(hashes)), false);
        } else if self.starts("\"") {
            self.keep(1);
            self.literal("\"", true);
        } else if self.starts("'") && (self.peek(1) == Some('\\') || self.peek(2) == Some('\'')) {
            self.keep(1);
            self.literal("'", true);
        } else if self.chars[self.at].is_alphanumeric() || self.chars[self.at] == '_' {
            let is_word = |char: &char| char.is_alphanumeric() || *char == '_';
            let len = self.chars[self.at..].iter().take_while(|char| is_word(char)).count();
            self.keep(len);
        } else {
            self.keep(1);
        }
    }

    fn line_comment(&mut self) {
        let rest: String = self.chars[self.at..].iter().take_while(|char| **char != '\n').collect();
        self.blank(rest.chars().count());
        if !rest.starts_with("///") && !rest.starts_with("//!") {
            self.comments.push((self.line, rest[2..].trim().to_owned()));
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.chars.len() {
            let (opens, closes) = (self.starts("/*"), self.starts("*/"));
            depth += i32::from(opens) - i32::from(closes);
            self.blank(if opens || closes { 2 } else { 1 });
            if depth == 0 {
                return;
            }
        }
    }

    /// Steps over the start of a raw string; how many hashes it has.
    fn raw_string(&mut self) -> Option<usize> {
        let prefix = ["br", "cr", "r"].into_iter().find(|prefix| self.starts(prefix))?.len();
        let hashes = self.chars[self.at + prefix..].iter().take_while(|char| **char == '#').count();
        if self.peek(prefix + hashes) != Some('"') {
            return None;
        }
        self.keep(prefix + hashes + 1);
        Some(hashes)
    }

    fn literal(&mut self, end: &str, escapes: bool) {
        while self.at < self.chars.len() && !self.starts(end) {
            let len = if escapes && self.starts("\\") { 2 } else { 1 };
            self.blank(len);
        }
        self.keep(end.chars().count());
    }

    fn starts(&self, with: &str) -> bool {
        with.chars().enumerate().all(|(offset, char)| self.peek(offset) == Some(char))
    }

    fn peek(&self, offset: usize) -> Option<char> {
        self.chars.get(self.at + offset).copied()
    }

    fn keep(&mut self, len: usize) {
        self.take(len, false);
    }

    fn blank(&mut self, len: usize) {
        self.take(len, true);
    }

    fn take(&mut self, len: usize, blank: bool) {
        for _ in 0..len {
            let Some(char) = self.peek(0) else { return };
            self.line += usize::from(char == '\n');
            self.code.push(if blank && char != '\n' { ' ' } else { char });
            self.at += 1;
        }
    }
}

#[test]
fn literals_and_comments_are_no_code() {
    let check = |text: &str, expected: &str| assert_eq!(Source::read(text).code, expected);
    check("let a = \"{\\\"\"; // {", "let a = \"   \";     ");
    check("r#\"a\"{\"# '{' 'a b", "r#\"   \"# ' ' 'a b");
    check("/* { /* { */ */ {", "                {");
    check("for x in b\"{\" {", "for x in b\" \" {");
    check("'\\'' {'\\n'", "'  ' {'  '");
    let comments = Source::read("/// doc\n//! doc\nfn f() {} // said\n").comments;
    assert_eq!(comments, [(3, "said".to_owned())]);
}

#[test]
fn unit_tests_are_told_from_the_rest() {
    let source = Source::read("fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\n");
    assert_eq!(source.outside_tests(), "fn a() {}\n");
}
