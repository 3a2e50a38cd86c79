/// <reference types="tree-sitter-cli/dsl" />
// The syntax of rlx for editors. The letter of the language is grammar/src/rlx.pest; this grammar reads all that one reads,
// and more: whether a text is right is for `rlx lsp` to say.

const commas = (rule) => seq(rule, repeat(seq(",", rule)), optional(","));

module.exports = grammar({
  name: "rlx",

  word: ($) => $.identifier,
  extras: ($) => [/[ \t\r\n\uFEFF]/, $.comment, $.doc_comment],

  rules: {
    source_file: ($) => repeat($._item),

    doc_comment: (_) => token(prec(1, /\/\/(\/|!)([^\/\n][^\n]*)?/)),
    comment: (_) => token(/\/\/[^\n]*/),

    _item: ($) => choice($.import, $.profile, $.declaration),

    import: ($) =>
      seq(
        "use",
        choice(field("file", $.string), seq($.path, optional(seq(token.immediate(".{"), commas($.identifier), "}")))),
        optional(seq("as", field("alias", $.identifier))),
      ),

    profile: ($) => seq("profile", field("name", $.identifier), field("body", $.fields)),

    declaration: ($) =>
      seq(
        field("keyword", $.keyword),
        field("name", $.identifier),
        optional($.family),
        optional(field("title", $.string)),
        optional($.family),
        choice(seq("=", field("value", $._value)), field("body", $.fields), field("body", $.block)),
      ),

    // None of the words is reserved: `data = data` is a field. A declaration is told by the name after its word.
    keyword: (_) =>
      choice(
        "param", "let", "model", "data", "benchmark", "algorithm", "train", "distill", "search", "evaluate", "figure", "table", "claim",
      ),

    // `for algo in [ppo, grpo], steps in [150, 300] where algo == grpo`: no changed fields, since a brace opens the body.
    family: ($) => seq("for", $.axis, repeat(seq(",", $.axis)), optional(seq("where", field("condition", $.condition)))),
    axis: ($) => seq(field("name", $.identifier), "in", field("domain", choice($.condition, alias($.fields, $.record)))),
    condition: ($) =>
      prec.left(
        seq(
          $._plain,
          repeat(seq(choice("or", "and", "==", "!=", "<", "<=", ">", ">=", "|", "&", "+", "-", "*", "/", ".."), $._plain)),
          optional(seq("by", optional("*"), $._plain)),
        ),
      ),
    _plain: ($) =>
      choice(
        seq(choice("not", "-"), $._plain), $.number, $.string, $.list, $.group, $.reference, $.members, $.checkpoint, $.boolean,
        $.none,
      ),

    block: ($) => seq("{", $._value, "}"),
    fields: ($) => seq("{", repeat(seq($.field, optional(","))), "}"),
    field: ($) => seq(field("name", $.field_name), "=", field("value", $._value)),
    field_name: ($) =>
      seq($._name, repeat(seq(".", $._name)), optional(seq($.selectors, repeat(seq(".", $._name))))),
    _name: ($) => choice($.identifier, alias($.keyword, $.identifier), alias(choice("use", "profile", "as", "last", "for", "in", "where"), $.identifier)),

    _value: ($) => choice($._operand, $.binary, $.unary, $.range),

    _operand: ($) =>
      choice(
        $.number, $.string, $.list, $.group, alias($.fields, $.record), $.reference, $.members, $.update, $.call, $.checkpoint, $.boolean,
        $.none,
      ),

    binary: ($) =>
      choice(
        ...[
          ["or", 1], ["and", 2], ["==", 4], ["!=", 4], ["<", 4], ["<=", 4], [">", 4], [">=", 4], ["|", 5], ["&", 6], ["+", 7],
          ["-", 7], ["*", 8], ["/", 8],
        ].map(([sign, tightness]) =>
          prec.left(tightness, seq($._value, field("operator", sign), $._value)),
        ),
      ),
    unary: ($) => choice(prec(3, seq("not", $._value)), prec(9, seq("-", $._value))),
    range: ($) =>
      prec.right(0, seq(field("from", $._value), "..", field("to", $._value), optional(seq("by", optional("*"), field("by", $._value))))),

    group: ($) => seq("(", $._value, ")"),
    list: ($) => seq("[", optional(commas($._value)), "]"),

    reference: ($) => $.path,
    path: ($) => prec.left(seq($._name, repeat(seq(token.immediate("."), $._name)))),
    members: ($) => seq($.path, $.selectors),
    selectors: ($) => seq("[", commas($.selector), "]"),
    selector: ($) => seq(optional(seq(field("axis", $._name), "=")), choice("*", $._value)),
    update: ($) => prec(11, seq(field("base", choice($.path, $.members)), field("changes", $.fields))),
    call: ($) => prec(11, seq(field("function", $.path), "(", optional(commas($.argument)), ")")),
    argument: ($) => seq(optional(seq(field("name", $._name), "=")), $._value),
    checkpoint: ($) => prec(11, seq(field("of", choice($.path, $.members)), "@", field("at", choice("*", "last", $.digits, $.path)))),

    number: ($) => prec.right(seq($.digits, optional(choice($.percent, $.unit)))),
    digits: (_) => /\d(_?\d)*(\.\d(_?\d)*)?([eE][+-]?\d(_?\d)*)?/,
    percent: (_) => token.immediate(/[ \t]*%/),
    // On the line of its number: the word in the next line is a field.
    unit: (_) =>
      token.immediate(/[ \t]*(samples?|prompts?|steps?|tokens?|epochs?|problems?|seconds?|minutes?|hours?|days?|bytes?|[KMGT]iB|[kMGT]B)/),

    boolean: (_) => choice("true", "false"),
    none: (_) => "none",
    string: ($) => seq('"', repeat(choice($.escape, token.immediate(prec(1, /[^"\\]+/)))), token.immediate('"')),
    escape: (_) => token.immediate(/\\(u\{[0-9a-fA-F]+\}|.|\n)/),

    identifier: (_) => /[A-Za-z_][A-Za-z0-9_]*/,
  },
});
