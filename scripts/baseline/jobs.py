"""The jobs that scripts/bench measures: shapes of models, what is adapted, and on which rows."""

from typing import NamedTuple

# Models of a shape have random weights: those below are written once to a folder that both sides load.
SHAPES = {
    "roberta": {
        "model_type": "roberta", "vocab_size": 50265, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
        "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1},
    "minilm": {
        "model_type": "bert", "vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
        "intermediate_size": 1536, "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
        "pad_token_id": 0, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1},
    "smollm2": {
        "model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9,
        "num_key_value_heads": 3, "intermediate_size": 1536, "max_position_embeddings": 2048, "tie_word_embeddings": True,
        "rms_norm_eps": 1e-5, "rope_theta": 100000.0, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2},
    "llama134": {
        "model_type": "llama", "vocab_size": 32000, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "num_key_value_heads": 12, "intermediate_size": 2048, "max_position_embeddings": 2048, "tie_word_embeddings": False,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2},
    "tinyllama": {
        "model_type": "llama", "vocab_size": 32000, "hidden_size": 2048, "num_hidden_layers": 22, "num_attention_heads": 32,
        "num_key_value_heads": 4, "intermediate_size": 5632, "max_position_embeddings": 2048, "tie_word_embeddings": False,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2},
}
# A billion random numbers are not written to a file: either side makes its own.
TOO_LARGE_FOR_A_FILE = {"tinyllama"}


class Job(NamedTuple):
    """A LoRA that is trained."""

    what: str
    shape: str
    targets: list
    rows: str = "sentences"
    batch: int = 16
    task: str = "SEQ_CLS"
    r: int = 4
    dropout: float = 0.01
    avx2: bool = False

    @property
    def unit(self):
        """What speed counts."""
        return "samples/s" if self.task == "SEQ_CLS" else "tokens/s"


def decoder(what, shape, rows, batch, avx2=False):
    """A causal language model with r 8 on the projections of queries and values."""
    return Job(what, shape, ["q_proj", "v_proj"], rows, batch, "CAUSAL_LM", 8, 0.0, avx2)


JOBS = {
    "roberta-query": Job("RoBERTa-base shape, r 4 on query", "roberta", ["query"]),
    "roberta-all": Job("RoBERTa-base shape, r 4 on query, key, value, dense", "roberta", ["query", "key", "value", "dense"]),
    "minilm": Job("MiniLM shape, r 4 on query, value", "minilm", ["query", "value"]),
    "roberta-avx2": Job("RoBERTa-base shape, r 4 on query, AVX2 only", "roberta", ["query"], avx2=True),
    "smollm2-full": decoder("SmolLM2 shape, 4 × 256 tokens", "smollm2", "full", 4),
    "smollm2-full-avx2": decoder("SmolLM2 shape, 4 × 256 tokens, AVX2 only", "smollm2", "full", 4, avx2=True),
    "llama134-full": decoder("Llama shape of 134 M, 4 × 256 tokens", "llama134", "full", 4),
    "llama134-full-avx2": decoder("Llama shape of 134 M, 4 × 256 tokens, AVX2 only", "llama134", "full", 4, avx2=True),
    "smollm2-e2e": decoder("SmolLM2 shape, 8 rows like E2E's, prompts masked", "smollm2", "e2e", 8),
    "smollm2-e2e-avx2": decoder("SmolLM2 shape, 8 rows like E2E's, prompts masked, AVX2 only", "smollm2", "e2e", 8, avx2=True),
    "tinyllama": decoder("TinyLlama shape (1.1 B), 1 × 256 tokens", "tinyllama", "full", 1),
}
