/** What the parser takes from its toolkit, in one place so that a build may bundle it into a single small module. */
export type { CstElement, CstNode, IRecognitionException, IToken, ParserMethod, TokenType } from 'chevrotain'
export { CstParser, createToken, EOF, Lexer } from 'chevrotain'
