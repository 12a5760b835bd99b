//! Reads Rust source as tokens and finds every path in it that starts at the crate's root.

/// Identifiers, `::` and single punctuation; comments, strings and character literals are gone.
pub fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < chars.len() {
        let char = chars[index];
        if char == '/' && at(index + 1) == '/' {
            index = end_of(&chars, index, |c| c == '\n');
        } else if char == '/' && at(index + 1) == '*' {
            index = after_block_comment(&chars, index);
        } else if let Some(end) = after_literal(&chars, index) {
            index = end;
        } else if char.is_alphanumeric() || char == '_' {
            let end = end_of(&chars, index, |c| !(c.is_alphanumeric() || c == '_'));
            tokens.push(chars[index..end].iter().collect());
            index = end;
        } else if char == ':' && at(index + 1) == ':' {
            tokens.push("::".into());
            index += 2;
        } else {
            if !char.is_whitespace() {
                tokens.push(char.into());
            }
            index += 1;
        }
    }
    tokens
}

fn end_of(chars: &[char], start: usize, stop: impl Fn(char) -> bool) -> usize {
    chars[start..]
        .iter()
        .position(|c| stop(*c))
        .map_or(chars.len(), |length| start + length)
}

fn after_block_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut index) = (0, start);
    while index < chars.len() {
        match (chars[index], chars.get(index + 1)) {
            ('/', Some('*')) => (depth, index) = (depth + 1, index + 2),
            ('*', Some('/')) => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            break;
        }
    }
    index
}

/// The end of a string, raw string or character literal that starts here; lifetimes are no literals.
fn after_literal(chars: &[char], start: usize) -> Option<usize> {
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    match chars[start] {
        '"' => Some(after_quoted(chars, start, '"')),
        'r' if start == 0
            || !(at(start - 1).is_alphanumeric() || at(start - 1) == '_')
            || at(start - 1) == 'b' =>
        {
            let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
            if at(start + 1 + hashes) != '"' {
                return None;
            }
            let closing: Vec<char> = std::iter::once('"')
                .chain(std::iter::repeat_n('#', hashes))
                .collect();
            let body = start + 2 + hashes;
            let length = chars[body..]
                .windows(closing.len())
                .position(|window| window == closing)?;
            Some(body + length + closing.len())
        }
        '\'' if at(start + 1) == '\\' || at(start + 2) == '\'' => {
            Some(after_quoted(chars, start, '\''))
        }
        _ => None,
    }
}

fn after_quoted(chars: &[char], start: usize, quote: char) -> usize {
    let mut index = start + 1;
    while index < chars.len() && chars[index] != quote {
        index += if chars[index] == '\\' { 2 } else { 1 };
    }
    index + 1
}

/// Drops `#[cfg(test)] mod name { … }`.
pub fn without_unit_tests(tokens: Vec<String>) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let marked = tokens[index..].iter().take(MARK.len()).eq(MARK.iter());
        let module = index + MARK.len();
        if marked
            && tokens.get(module).is_some_and(|t| t == "mod")
            && tokens.get(module + 2).is_some_and(|t| t == "{")
        {
            index = after_braces(&tokens, module + 2);
        } else {
            kept.push(tokens[index].clone());
            index += 1;
        }
    }
    kept
}

fn after_braces(tokens: &[String], start: usize) -> usize {
    let mut depth = 0;
    for (offset, token) in tokens[start..].iter().enumerate() {
        depth += i32::from(token == "{") - i32::from(token == "}");
        if depth == 0 {
            return start + offset + 1;
        }
    }
    tokens.len()
}

/// Every path that starts at the crate's root, `super` resolved, braces spread out.
pub fn paths_in_crate(module: &str, tokens: &[String]) -> Vec<String> {
    let here: Vec<&str> = module.split("::").collect();
    let mut paths = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let begins = index == 0 || tokens[index - 1] != "::";
        let mut root: Vec<&str> = here.clone();
        let mut cursor = index;
        if begins && tokens[index] == "crate" {
            root.clear();
            cursor += 1;
        } else if begins {
            while tokens.get(cursor).is_some_and(|token| token == "super") {
                root.pop();
                cursor += if tokens.get(cursor + 2).is_some_and(|next| next == "super") {
                    2
                } else {
                    1
                };
            }
        }
        if cursor > index && tokens.get(cursor).is_some_and(|token| token == "::") {
            let prefix = root.iter().map(|word| (*word).to_owned()).collect();
            spread(tokens, cursor + 1, prefix, &mut paths);
            index = cursor;
        }
        index += 1;
    }
    paths
}

/// Follows one branch of a path, spreading `{a, b::c}`; returns where it ended.
fn spread(
    tokens: &[String],
    mut index: usize,
    mut prefix: Vec<String>,
    paths: &mut Vec<String>,
) -> usize {
    while let Some(token) = tokens.get(index) {
        if token == "{" {
            index += 1;
            while tokens.get(index).is_some_and(|token| token != "}") {
                let before = index;
                index = spread(tokens, index, prefix.clone(), paths);
                while tokens
                    .get(index)
                    .is_some_and(|token| token != "," && token != "}")
                {
                    index += 1; // `as name`
                }
                if tokens.get(index).is_some_and(|token| token == ",") || index == before {
                    index += 1;
                }
            }
            return index + 1;
        }
        prefix.push(token.clone());
        index += 1;
        if tokens.get(index).is_none_or(|token| token != "::") {
            break;
        }
        index += 1;
    }
    paths.push(prefix.join("::"));
    index
}
