//! Prepares a post's text for a model: invisible characters are removed, text that models could take for their own
//! markup is broken up, and long texts are cut into chunks. The whole text is shown; skipping the middle of long posts
//! would give authors a place to hide things.

/// The maximum length of a line, in bytes; longer ones are wrapped.
const LINE: usize = 500;
/// How many bytes of a chunk's end are repeated at the start of the next one, so that no sentence loses its context.
const OVERLAP: usize = 512;
/// The size of the mark and the end of a line, in bytes.
pub(super) const MARGIN: usize = 8;

/// The text as its readers see it, on lines that end with `\n`, without anything a model's server could take for its
/// own markup: `<|im_start|>`, `</s>` and `[INST]` are control tokens for some servers, wherever they occur.
pub(crate) fn clean(text: &str) -> String {
    let visible: String =
        text.replace("\r\n", "\n").chars().filter(|c| !is_invisible(*c)).map(|c| plain(c).unwrap_or(c)).collect();
    let mut clean = String::with_capacity(visible.len());
    let mut characters = visible.chars().peekable();
    while let Some(character) = characters.next() {
        clean.push(character);
        let next = characters.peek().copied().unwrap_or(' ');
        let is_markup = match character {
            '<' => !next.is_whitespace(),
            '[' => next == '/' || next.is_ascii_uppercase(),
            _ => false,
        };
        if is_markup {
            clean.push(' ');
        }
    }
    clean
}

/// Invisible characters without a meaning of their own: zero-width spaces and joiners, direction marks, soft hyphens,
/// variation selectors, and the tag characters, in which whole sentences can be hidden.
pub(super) const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The normal line end or space for an unusual one; `None` for other characters.
fn plain(character: char) -> Option<char> {
    match character {
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\n' => None,
        other => (other.is_whitespace() || other.is_control()).then_some(' '),
    }
}

/// Cuts a cleaned text into chunks of lines, each of at most `limit` bytes with its margins. There is at least one chunk.
pub(crate) fn split(text: &str, limit: usize) -> Vec<Vec<&str>> {
    let mut chunks = Vec::new();
    let (mut chunk, mut size) = (Vec::new(), 0);
    for line in lines(text).flat_map(wrap) {
        if size + cost(line) > limit && !chunk.is_empty() {
            let end = end_of(&chunk);
            size = end.iter().map(|line| cost(line)).sum();
            chunks.push(std::mem::replace(&mut chunk, end));
        }
        size += cost(line);
        chunk.push(line);
    }
    chunks.push(chunk);
    chunks
}

const fn cost(line: &str) -> usize {
    line.len() + MARGIN
}

/// The lines, with runs of empty lines reduced to one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut was_empty = false;
    text.split('\n').map(str::trim_end).filter(move |line| {
        let is_second = was_empty && line.is_empty();
        was_empty = line.is_empty();
        !is_second
    })
}

/// Splits a line into pieces, at spaces where possible.
fn wrap(mut line: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while line.len() > LINE {
        let most = line.floor_char_boundary(LINE);
        let space = line.get(..most).and_then(|piece| piece.rfind(' ')).filter(|at| *at > LINE / 2);
        let (piece, rest) = line.split_at(space.map_or(most, |at| at + 1));
        pieces.push(piece);
        line = rest;
    }
    pieces.push(line);
    pieces
}

/// The last lines of a chunk, which the next one repeats.
fn end_of<'a>(chunk: &[&'a str]) -> Vec<&'a str> {
    let mut size = 0;
    let fits = |line: &&&str| {
        size += cost(line);
        size <= OVERLAP
    };
    let mut end: Vec<&str> = chunk.iter().rev().take_while(fits).copied().collect();
    end.reverse();
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_one_chunk() {
        assert_eq!(split("One.\n\n\n\nTwo.  ", 1_024), [["One.", "", "Two."]]);
        assert_eq!(split("", 1_024), [[""]]);
    }

    #[test]
    fn every_word_of_a_long_text_is_in_a_chunk_and_no_chunk_is_too_big() {
        let sentences: Vec<String> = (0..4_000).map(|n| format!("Sentence {n} is here.")).collect();
        for joint in [" ", "\n", "\n\n"] {
            let text = sentences.join(joint);
            let chunks = split(&text, 1_024);
            assert!(chunks.iter().all(|chunk| chunk.iter().map(|line| cost(line)).sum::<usize>() <= 1_024));
            let all: Vec<String> = chunks.iter().map(|chunk| chunk.join(" ").replace("  ", " ")).collect();
            assert!(sentences.iter().all(|sentence| all.iter().any(|chunk| chunk.contains(sentence.as_str()))));
        }
    }

    #[test]
    fn what_stands_on_the_border_of_two_chunks_is_in_both() {
        let text: Vec<String> = (0..200).map(|n| format!("line {n}")).collect();
        let text = text.join("\n");
        let chunks = split(&text, 1_024);
        assert!(chunks.len() > 1);
        for pair in chunks.windows(2) {
            let last = pair[0].last().unwrap();
            assert!(pair[1].contains(last) && pair[1].last() != Some(last));
        }
    }

    #[test]
    fn a_text_without_spaces_is_cut_between_characters() {
        let text = "ü".repeat(10_000);
        let chunks = split(&text, 1_024);
        assert!(chunks.iter().flatten().all(|line| line.chars().all(|c| c == 'ü')));
    }

    #[test]
    fn a_model_reads_what_readers_see() {
        let hidden: String = "Ignore".chars().map(|c| char::from_u32(0xe0000 + u32::from(c)).unwrap()).collect();
        assert_eq!(clean(&format!("a\u{200b}b\u{202e}c{hidden}")), "abc");
        assert_eq!(clean("a\u{a0}b\u{2003}c\u{3000}d\te\0f"), "a b c d e f");
        assert_eq!(clean("a\r\nb\rc\u{2028}d\u{85}e"), "a\nb\nc\nd\ne");
    }

    #[test]
    fn control_tokens_of_models_are_broken() {
        for token in
            ["<|im_start|>", "<\u{200b}|im_end|>", "</s>", "<s>", "<start_of_turn>", "<<SYS>>", "[INST]", "[/INST]"]
        {
            let clean = clean(token);
            assert!(!clean.contains(&token.replace('\u{200b}', "")) && clean.contains(' '), "{clean}");
        }
        assert_eq!(clean("a < b, [link](/x), 1 << 2"), "a < b, [link](/x), 1 < < 2");
    }
}
