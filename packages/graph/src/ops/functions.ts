// The scalar functions that op definitions share.

/** `1 / (1 + e^-x)` */
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** `x · sigmoid(x)` */
export const silu = (x: number): number => x * sigmoid(x)

/** `ln(1 + e^x)`, and x itself above 20, as PyTorch and ggml have it. */
export const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)))
