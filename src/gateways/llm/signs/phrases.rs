//! Phrases with which posts address a moderator: lists only, no code that acts on them.
//!
//! They are narrow on purpose: each one costs a person's time if an honest post uses it. "You are now ready" is fine,
//! "you are now an assistant" is not.

/// Words in this order, with few other words between them.
pub(super) struct Phrase {
    /// What the post does.
    pub(super) sign: &'static str,
    /// The words, one of each set, and the maximum distance from the previous word.
    steps: &'static [(usize, &'static [&'static str])],
}

impl Phrase {
    /// Whether the words start with this phrase.
    pub(super) fn begins(&self, words: &[&str]) -> bool {
        let mut rest = words;
        self.steps.iter().all(|(within, set)| {
            let found = rest.iter().take(*within).position(|word| set.contains(word));
            rest = found.and_then(|at| rest.get(at + 1..)).unwrap_or_default();
            found.is_some()
        })
    }
}

const IGNORE: &str = "asks to ignore instructions";
const ROLE: &str = "tells the moderator what to be";
const ANSWER: &str = "says what the verdict should be";
const ADDRESS: &str = "speaks to the moderator";
const MARKUP: &str = "imitates the markup of models";

const FORGET: &[&str] = &["ignore", "disregard", "forget", "override", "bypass"];
const ORDERS: &[&str] = &["instruction", "instructions", "prompt", "prompts", "directions", "directives", "guidelines"];
const POSTS: &[&str] = &["post", "text", "content", "article", "message", "submission"];
const JUDGES: &[&str] = &["moderator", "moderators", "moderation", "classifier", "llm"];
const MODELS: &[&str] =
    &["ai", "assistant", "moderator", "jailbroken", "dan", "unrestricted", "chatbot", "gpt", "llm", "approver"];

/// Phrases in prose, compared word by word, whatever is between the words.
pub(super) const SPOKEN: &[Phrase] = &[
    Phrase {
        sign: IGNORE,
        steps: &[
            (1, FORGET),
            (4, &["previous", "prior", "above", "earlier", "preceding", "system", "your", "all", "any"]),
            (3, ORDERS),
        ],
    },
    Phrase {
        sign: IGNORE,
        steps: &[(1, FORGET), (4, &["previous", "prior", "above", "earlier", "preceding"]), (2, &["rules", "text"])],
    },
    Phrase { sign: IGNORE, steps: &[(1, FORGET), (4, ORDERS), (3, &["above", "before", "previously", "earlier"])] },
    Phrase {
        sign: IGNORE,
        steps: &[
            (1, &["ignoriere", "ignorier", "ignorieren", "missachte", "vergiss"]),
            (5, &["anweisung", "anweisungen", "instruktionen", "vorgaben"]),
        ],
    },
    Phrase {
        sign: IGNORE,
        steps: &[
            (1, &["ignora", "ignorar", "ignore", "olvida", "desconsidere", "dimentica"]),
            (5, &["instrucciones", "instruções", "istruzioni"]),
        ],
    },
    Phrase { sign: IGNORE, steps: &[(1, &["ignorez", "oubliez", "oublie"]), (5, &["instructions", "consignes"])] },
    Phrase { sign: ROLE, steps: &[(1, &["you"]), (1, &["are"]), (1, &["now"]), (5, MODELS)] },
    Phrase { sign: ROLE, steps: &[(1, &["your"]), (1, &["new"]), (1, &["instruction", "instructions", "task"])] },
    Phrase {
        sign: ROLE,
        steps: &[
            (1, &["developer", "god", "admin", "debug", "maintenance"]),
            (1, &["mode"]),
            (1, &["enabled", "activated", "on"]),
        ],
    },
    Phrase { sign: ANSWER, steps: &[(1, &["decision", "verdict"]), (1, &["approve"])] },
    Phrase {
        sign: ANSWER,
        steps: &[(1, &["decision", "verdict"]), (1, &["is", "must", "should", "will"]), (2, &["approve"])],
    },
    Phrase { sign: ANSWER, steps: &[(1, &["approve", "whitelist"]), (1, &["this", "the"]), (1, POSTS)] },
    Phrase {
        sign: ANSWER,
        steps: &[
            (1, &["mark", "classify", "label", "rate", "treat", "judge"]),
            (1, &["this", "the"]),
            (1, POSTS),
            (2, &["as"]),
            (1, &["safe", "approved", "harmless", "benign", "clean", "acceptable"]),
        ],
    },
    Phrase { sign: ANSWER, steps: &[(1, &["approved"]), (1, &["by"]), (2, JUDGES)] },
    Phrase {
        sign: ADDRESS,
        steps: &[
            (1, &["note", "message", "instruction", "instructions", "attention"]),
            (1, &["to", "for"]),
            (2, JUDGES),
        ],
    },
];

/// Texts that are searched for literally, in lower case.
pub(super) const RAW: &[(&str, &str)] = &[
    ("<|im_start|>", MARKUP),
    ("<|im_end|>", MARKUP),
    ("<|system|>", MARKUP),
    ("<|assistant|>", MARKUP),
    ("<|user|>", MARKUP),
    ("<|eot_id|>", MARKUP),
    ("<|start_header_id|>", MARKUP),
    ("<|endoftext|>", MARKUP),
    ("<start_of_turn>", MARKUP),
    ("<end_of_turn>", MARKUP),
    ("[inst]", MARKUP),
    ("[/inst]", MARKUP),
    ("[system_prompt]", MARKUP),
    ("[tool_results]", MARKUP),
    ("<<sys>>", MARKUP),
    ("<system>", MARKUP),
    ("</system>", MARKUP),
    ("<tool_result", MARKUP),
    ("</tool_result", MARKUP),
    ("<tool_response", MARKUP),
    ("<function_results", MARKUP),
    ("\"tooluse\"", MARKUP),
    ("\"toolresult\"", MARKUP),
    ("\"tool_use_id\"", MARKUP),
    ("\"tool_calls\"", MARKUP),
    ("<<<post", MARKUP),
    ("<<<end", MARKUP),
    ("忽略之前", IGNORE),
    ("忽略以上", IGNORE),
    ("忽略先前", IGNORE),
    ("忽略所有指令", IGNORE),
];
