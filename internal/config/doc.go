// Package config owns what an operator can set: one struct, its defaults, the
// order in which a file, the environment and flags override them, and the
// check that reports every mistake at once.
//
// An unknown key is an error, because a misspelt one would silently leave the
// default in force. A secret prints as <secret> in every format and each has a
// twin with the suffix _file that names a file to read it from. No package
// below internal/app receives the Config: each gets its own small options.
package config
