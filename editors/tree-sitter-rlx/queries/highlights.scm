(comment) @comment
(doc_comment) @comment.documentation
(string) @string
(escape) @string.escape
(digits) @number
(unit) @type.builtin
(percent) @type.builtin
(boolean) @constant.builtin
(none) @constant.builtin

(keyword) @keyword
["use" "as" "profile" "for" "in" "where"] @keyword
["and" "or" "not" "by"] @keyword.operator
["==" "!=" "<" "<=" ">" ">=" "|" "&" "+" "-" "*" "/" ".." "=" "@"] @operator
["{" "}" "[" "]" "(" ")"] @punctuation.bracket
["," "."] @punctuation.delimiter

(declaration name: (identifier) @type)
(profile name: (identifier) @type)
(axis name: (identifier) @variable.parameter)
(field_name) @property
(argument name: (identifier) @property)
(selector axis: (identifier) @property)
(call function: (path) @function.call)
(import alias: (identifier) @namespace)
(checkpoint at: _ @constant)
