/**
 * The syntax tree of one `.nn` file. Every node has the span of its text. Nothing is resolved here: names are
 * text, and what a call means is decided by the checker.
 */
import type { Span } from '../diagnostics/diagnostic.ts'

export interface SourceFile {
  readonly file: string
  readonly declarations: readonly Declaration[]
  /** Comments in source order, for the formatter; doc comments (`///`) are also attached to declarations. */
  readonly comments: readonly Comment[]
}

export interface Comment {
  readonly span: Span
  readonly text: string
  readonly documentation: boolean
}

export interface Name {
  readonly text: string
  readonly span: Span
}

interface Node {
  readonly span: Span
}

interface DeclarationBase extends Node {
  readonly name: Name
  /** The text of the `///` comments directly above, without the slashes. */
  readonly documentation?: string
}

export type Declaration =
  | ImportDeclaration
  | DimDeclaration
  | ConstDeclaration
  | HyperDeclaration
  | CallableDeclaration
  | TrainDeclaration
  | InferDeclaration
  | DataDeclaration
  | LoadDeclaration

/** `import { Block, other as mine } from "./block.nn"` */
export interface ImportDeclaration extends Node {
  readonly kind: 'import'
  readonly names: readonly { readonly name: Name; readonly alias?: Name }[]
  readonly path: StringLiteral
}

/** `dim Batch in 1..512`; without a range the default range applies. */
export interface DimDeclaration extends DeclarationBase {
  readonly kind: 'dim'
  readonly range?: Range
}

export interface Range extends Node {
  readonly from: Expression
  readonly to: Expression
}

/** `const Hidden = 128` */
export interface ConstDeclaration extends DeclarationBase {
  readonly kind: 'const'
  readonly value: Expression
}

/** `hyper lr = 1e-3 in 1e-5..1e-1 log` */
export interface HyperDeclaration extends DeclarationBase {
  readonly kind: 'hyper'
  readonly value: Expression
  readonly range?: Range
  readonly scale: 'linear' | 'log'
}

/**
 * `fn`, `layer`, `model`, `optimizer`, `initializer` and `metric`. `layer Linear(Out)(x: f32[..., In])`: the first list is
 * fixed when an instance is made (`config`), the last flows (`inputs`). One list alone is `inputs`.
 */
export interface CallableDeclaration extends DeclarationBase {
  readonly kind: 'fn' | 'layer' | 'model' | 'optimizer' | 'initializer' | 'metric'
  readonly config: readonly Parameter[]
  readonly inputs: readonly Parameter[]
  readonly result?: ResultType
  readonly where: readonly Expression[]
  readonly body: Block
  /** `gradient (dy) { … }` after the body of a `fn`. */
  readonly gradient?: GivenGradient
}

/** The formula for the gradients of a function's inputs, from that of its result. */
export interface GivenGradient extends Node {
  readonly cotangent: Name
  readonly body: Block
}

/** `stride: int = 1`, `x: f32[B, C]`, `Out`, `momentum = 0.1` */
export interface Parameter extends Node {
  readonly name: Name
  readonly type?: TypeExpression
  readonly value?: Expression
}

export type TypeExpression = TensorTypeExpression | ScalarTypeExpression

/** `f32[..., In]`; without brackets, as in `f32`, a scalar tensor (shape []). */
export interface TensorTypeExpression extends Node {
  readonly kind: 'tensor'
  readonly dtype: 'f32' | 'i32' | 'bool'
  readonly shape: readonly ShapeItem[]
}

/** A value known when compiled. */
export interface ScalarTypeExpression extends Node {
  readonly kind: 'scalar'
  readonly name: 'int' | 'float' | 'string'
}

export type ShapeItem =
  | { readonly kind: 'dimension'; readonly value: Expression; readonly span: Span }
  | { readonly kind: 'ellipsis'; readonly span: Span }

/** `-> f32[B]` or `-> (logits: f32[B], last: f32[H])` */
export type ResultType =
  | { readonly kind: 'single'; readonly type: TypeExpression; readonly span: Span }
  | {
      readonly kind: 'tuple'
      readonly items: readonly { readonly name?: Name; readonly type: TypeExpression }[]
      readonly span: Span
    }

/** `train fit(image: …, label: …) on digits { … }` */
export interface TrainDeclaration extends DeclarationBase {
  readonly kind: 'train'
  readonly inputs: readonly Parameter[]
  readonly data?: Name
  readonly body: Block
}

/** `infer classify(image: …) -> f32[Batch, 10] { … }` */
export interface InferDeclaration extends DeclarationBase {
  readonly kind: 'infer'
  readonly inputs: readonly Parameter[]
  readonly result?: ResultType
  readonly body: Block
}

export interface DataDeclaration extends DeclarationBase {
  readonly kind: 'data'
  readonly statements: readonly DataStatement[]
}

export type DataStatement =
  /** `source idx("images.gz", "labels.gz")`, `test idx(…)`, `valid csv(…)` */
  | {
      readonly kind: 'source'
      readonly role: 'source' | 'valid' | 'test'
      readonly call: CallExpression
      readonly span: Span
    }
  /** `image = pixels / 255.0` */
  | { readonly kind: 'field'; readonly name: Name; readonly value: Expression; readonly span: Span }
  /** `where year >= 1975`: the rows that take part */
  | { readonly kind: 'where'; readonly condition: Expression; readonly span: Span }
  /** `drop missing`, `drop duplicates in name, year`; without columns, all those the block reads */
  | {
      readonly kind: 'drop'
      readonly what: 'missing' | 'duplicates'
      readonly columns: readonly Expression[]
      readonly span: Span
    }
  /** `split train 90%, valid 10% seed 7`, `split train 80%, test 20% stratified by label`, `… by thread in order of sent` */
  | {
      readonly kind: 'split'
      readonly parts: readonly {
        readonly role: 'train' | 'valid' | 'test'
        readonly percent: number
        readonly span: Span
      }[]
      readonly manner?: SplitManner
      readonly seed?: NumberLiteral
      readonly span: Span
    }

export type SplitManner =
  | { readonly kind: 'stratified'; readonly by: Expression }
  /** Rows with the same value stay in one part. */
  | { readonly kind: 'grouped'; readonly by: Expression }
  /** The rows, or groups of them, as they come, or in order of a number. */
  | { readonly kind: 'in order'; readonly of?: Expression; readonly by?: Expression }

/** `load Gpt from "base.safetensors" { map "a.{i}" -> "b.{i}" transpose  missing "**.lora_*"  unused "lm_head.*" }` */
export interface LoadDeclaration extends DeclarationBase {
  readonly kind: 'load'
  readonly path: StringLiteral
  readonly rules: readonly (
    | {
        readonly kind: 'map'
        readonly from: StringLiteral
        readonly to: StringLiteral
        readonly conversion?: LoadConversion
        readonly span: Span
      }
    | { readonly kind: 'missing' | 'unused'; readonly pattern: StringLiteral; readonly span: Span }
  )[]
}

/** `transpose`, `transpose [3, 2, 0, 1]` or `reshape` */
export type LoadConversion =
  | { readonly kind: 'transpose'; readonly order?: readonly NumberLiteral[]; readonly span: Span }
  | { readonly kind: 'reshape'; readonly span: Span }

export interface Block extends Node {
  readonly statements: readonly Statement[]
}

export type Statement =
  | LetStatement
  | ParamStatement
  | StateStatement
  | UseStatement
  | UpdateStatement
  | ReturnStatement
  | WhenStatement
  | YieldStatement
  | LossStatement
  | MetricStatement
  | TotalStatement
  | CollectStatement
  | TraitStatement
  | OptimizerStatement
  | SettingStatement
  | StopStatement
  | FreezeStatement
  | ClipStatement
  | PenaltyStatement
  | AverageStatement

/** `let y = …`, `let (a, b) = …`, `let y[b, o] = …`, `let y: f32[B] = …` */
export interface LetStatement extends Node {
  readonly kind: 'let'
  readonly pattern:
    | { readonly kind: 'name'; readonly name: Name }
    | { readonly kind: 'tuple'; readonly names: readonly Name[]; readonly span: Span }
    | { readonly kind: 'indexed'; readonly name: Name; readonly indices: readonly IndexBinder[] }
  readonly type?: TypeExpression
  readonly value: Expression
}

/** An index on the left of an indexed `let` or in a reduction's brackets. */
export type IndexBinder =
  | { readonly kind: 'index'; readonly name: Name; readonly span: Span }
  | { readonly kind: 'ellipsis'; readonly span: Span }

/** `param w: f32[Out, In] = glorot_uniform` */
export interface ParamStatement extends Node {
  readonly kind: 'param'
  readonly name: Name
  readonly type: TypeExpression
  readonly initializer?: Expression
}

/** `state v = zeros_like(p)`, `state h: f32[Batch, Hid] = zeros` */
export interface StateStatement extends Node {
  readonly kind: 'state'
  readonly name: Name
  readonly type?: TypeExpression
  readonly initializer: Expression
}

/** `use cell = GruCell(Hid)` */
export interface UseStatement extends Node {
  readonly kind: 'use'
  readonly name: Name
  readonly value: Expression
}

export interface UpdateStatement extends Node {
  readonly kind: 'update'
  readonly name: Name
  readonly value: Expression
}

export interface ReturnStatement extends Node {
  readonly kind: 'return'
  readonly value: Expression
}

/** `when training { … } else { … }`; after `else when …`, `otherwise` is the one statement and begins where that does. */
export interface WhenStatement extends Node {
  readonly kind: 'when'
  readonly condition: Expression
  readonly body: Block
  readonly otherwise?: Block
}

/** `yield y carry next`, the last statement of a scan body; either part may be absent. */
export interface YieldStatement extends Node {
  readonly kind: 'yield'
  readonly value?: Expression
  readonly carry: readonly Expression[]
}

export interface LossStatement extends Node {
  readonly kind: 'loss'
  readonly value: Expression
}

export interface MetricStatement extends Node {
  readonly kind: 'metric'
  readonly name: Name
  readonly value: Expression
}

/** `total hits = sum(right)` in a metric: the sum over the epoch's batches. */
export interface TotalStatement extends Node {
  readonly kind: 'total'
  readonly name: Name
  readonly value: Expression
}

/** `collect area_under_roc(score, target)` in a metric: a statistic of all values of the epoch. */
export interface CollectStatement extends Node {
  readonly kind: 'collect'
  readonly call: Expression
}

/** `better higher`, `unit percent` in a metric. */
export interface TraitStatement extends Node {
  readonly kind: 'trait'
  readonly trait: 'better' | 'unit'
  readonly value: Name
}

/** `optimizer adamw(lr, weight_decay = 0.01)` inside a train block; `for "**.b"` limits it to some parameters. */
export interface OptimizerStatement extends Node {
  readonly kind: 'optimizer'
  readonly call: Expression
  readonly pattern?: StringLiteral
}

/** `batch 64`, `batch 32 in streams`, `epochs 5`, `seed 1`, `accumulate 4` */
export interface SettingStatement extends Node {
  readonly kind: 'setting'
  readonly setting: 'batch' | 'epochs' | 'seed' | 'accumulate'
  readonly value: Expression
  /** `in streams` is written after it. */
  readonly streams?: boolean
}

/** `stop when valid.loss has not improved for 3 epochs` */
export interface StopStatement extends Node {
  readonly kind: 'stop'
  readonly metric: MemberExpression | NameExpression
  readonly epochs: Expression
}

/** `freeze "**" except "**.lora_*"` */
export interface FreezeStatement extends Node {
  readonly kind: 'freeze'
  readonly pattern: StringLiteral
  readonly except?: StringLiteral
}

/** `clip global_norm(1.0)`, `clip norm(1.0)`, `clip value(0.5)` */
export interface ClipStatement extends Node {
  readonly kind: 'clip'
  readonly call: Expression
}

/** `penalty l2(1e-4) for "**.w"`; without `for` of all trained parameters. */
export interface PenaltyStatement extends Node {
  readonly kind: 'penalty'
  readonly call: Expression
  readonly pattern?: StringLiteral
}

/** `average ema(0.999)` */
export interface AverageStatement extends Node {
  readonly kind: 'average'
  readonly call: Expression
}

export type Expression =
  | NumberLiteral
  | StringLiteral
  | BooleanLiteral
  | NameExpression
  | CallExpression
  | IndexExpression
  | MemberExpression
  | UnaryExpression
  | BinaryExpression
  | ConditionalExpression
  | PipelineExpression
  | ReductionExpression
  | TupleExpression
  | ListExpression
  | ScanExpression
  | IterateExpression
  | RearrangeExpression

export interface NumberLiteral extends Node {
  readonly kind: 'number'
  readonly value: number
  /** Written without a point or an exponent. */
  readonly integer: boolean
}

export interface StringLiteral extends Node {
  readonly kind: 'string'
  readonly value: string
}

export interface BooleanLiteral extends Node {
  readonly kind: 'boolean'
  readonly value: boolean
}

export interface NameExpression extends Node {
  readonly kind: 'name'
  readonly name: string
}

export interface CallExpression extends Node {
  readonly kind: 'call'
  readonly callee: Expression
  readonly arguments: readonly Argument[]
}

export interface Argument extends Node {
  /** Set for `eps = 1e-5`. */
  readonly name?: Name
  readonly value: Expression
}

/** `x[b, i - 1]`, `x[..., c]`, `x[0:3]` */
export interface IndexExpression extends Node {
  readonly kind: 'index'
  readonly target: Expression
  readonly subscripts: readonly Subscript[]
}

export type Subscript =
  | { readonly kind: 'expression'; readonly value: Expression; readonly span: Span }
  | { readonly kind: 'ellipsis'; readonly span: Span }
  | {
      readonly kind: 'slice'
      readonly from?: Expression
      readonly to?: Expression
      /** `x[0:10:2]` */
      readonly step?: Expression
      readonly span: Span
    }

/** `valid.loss` */
export interface MemberExpression extends Node {
  readonly kind: 'member'
  readonly target: Expression
  readonly member: Name
}

export interface UnaryExpression extends Node {
  readonly kind: 'unary'
  readonly operator: '-' | 'not'
  readonly operand: Expression
}

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '@'
  | '^'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'and'
  | 'or'
  | '??'

export interface BinaryExpression extends Node {
  readonly kind: 'binary'
  readonly operator: BinaryOperator
  readonly operatorSpan: Span
  readonly left: Expression
  readonly right: Expression
}

/** `if a then b else c` (also `&&` for `and`, `||` for `or` are read) */
export interface ConditionalExpression extends Node {
  readonly kind: 'conditional'
  readonly condition: Expression
  readonly consequent: Expression
  readonly alternate: Expression
}

/** `x |> fc1: Linear(Hidden) |> relu`: one node with all its stages. */
export interface PipelineExpression extends Node {
  readonly kind: 'pipeline'
  readonly input: Expression
  readonly stages: readonly PipelineStage[]
}

export interface PipelineStage extends Node {
  /** The stage's name, `fc1`. */
  readonly name?: Name
  /** `repeat(6) Block(8)` */
  readonly repeat?: Expression
  /** A name, or a call whose callee is a name. */
  readonly target: Expression
}

/** `sum[i, j](x[i, j])` */
export interface ReductionExpression extends Node {
  readonly kind: 'reduction'
  readonly reducer: 'sum' | 'mean' | 'max' | 'min' | 'prod'
  readonly indices: readonly IndexBinder[]
  readonly body: Expression
}

export interface TupleExpression extends Node {
  readonly kind: 'tuple'
  readonly items: readonly Expression[]
}

export interface ListExpression extends Node {
  readonly kind: 'list'
  readonly items: readonly Expression[]
}

/** What a loop carries: `h = h0`, or with a type to check or to fill, `h: f32[B, Hid] = zeros`. */
export interface Carry {
  readonly name: Name
  readonly type?: TypeExpression
  readonly initial: Expression
}

/** `scan x in xs over Time carry h = h0 { … }`; `reverse` after the dimension runs it backwards. */
export interface ScanExpression extends Node {
  readonly kind: 'scan'
  readonly elements: readonly { readonly name: Name; readonly source: Expression }[]
  readonly over: Expression
  readonly reverse: boolean
  readonly carries: readonly Carry[]
  readonly body: Block
}

/**
 * `iterate h = h0 until tolerance within limit { … }`, or without `until` exactly `limit` steps; `unrolled` is differentiated
 * through its steps, `counted` gives their number too.
 */
export interface IterateExpression extends Node {
  readonly kind: 'iterate'
  readonly carries: readonly Carry[]
  readonly tolerance?: Expression
  readonly limit: Expression
  readonly unrolled: boolean
  readonly counted: boolean
  readonly body: Block
}

/** `rearrange(q, [b, t, (h, e)] -> [b, h, t, e], h = Heads)` */
export interface RearrangeExpression extends Node {
  readonly kind: 'rearrange'
  readonly input: Expression
  readonly from: readonly RearrangeItem[]
  readonly to: readonly RearrangeItem[]
  readonly sizes: readonly Argument[]
}

export type RearrangeItem =
  | { readonly kind: 'axis'; readonly name: Name }
  | { readonly kind: 'group'; readonly names: readonly Name[]; readonly span: Span }
  | { readonly kind: 'ellipsis'; readonly span: Span }
