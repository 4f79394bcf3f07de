"""Counts, adapted modules and file keys as PEFT gives them for full-size models (shapes only), into Tests/Goldens/counts.json.

usage: python scripts/goldens/counts.py [--out Tests/Goldens/counts.json]

The file: `versions`; `configs` (name → config.json); `rows`, each with `name`, `config` (a name in configs), `task_type` (decides the
model class; null: the bare model), `num_labels`, `method` (LORA or IA3), `options` (PEFT's configuration arguments; the order of
rank_pattern's and alpha_pattern's keys counts), `line` (print_trainable_parameters'), `trainable`,
`all`, `base` (parameters before), `modules` (sorted paths of adapted modules), `ranks` and `scalings` (of the modules that differ from
the most frequent one, under "*"), `extra_keys` (sorted file keys beyond the modules' lora_A.weight and lora_B.weight), `key_count`,
`keys_sha256` (of all sorted keys joined by newlines). A row with `error` is refused by PEFT with that text.
"""

import argparse
import collections
import hashlib

import common

if __name__ == "__main__":
    common.reproducible_start()

import torch
from peft import IA3Config, LoraConfig, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict
from transformers import (
    AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForTokenClassification,
)

AUTO = {
    "SEQ_CLS": AutoModelForSequenceClassification, "TOKEN_CLS": AutoModelForTokenClassification,
    "FEATURE_EXTRACTION": AutoModel, "CAUSAL_LM": AutoModelForCausalLM, None: AutoModel,
}

# The published config.json of each model, without the fields that say nothing about shapes.
CONFIGS = {
    "roberta-base": {
        "architectures": ["RobertaForMaskedLM"], "attention_probs_dropout_prob": 0.1, "bos_token_id": 0, "eos_token_id": 2,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02,
        "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 514, "model_type": "roberta",
        "num_attention_heads": 12, "num_hidden_layers": 12, "pad_token_id": 1, "type_vocab_size": 1, "vocab_size": 50265},
    "bert-base-uncased": {
        "architectures": ["BertForMaskedLM"], "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02, "intermediate_size": 3072,
        "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "model_type": "bert", "num_attention_heads": 12,
        "num_hidden_layers": 12, "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": 30522},
    "distilbert-base-uncased": {
        "activation": "gelu", "architectures": ["DistilBertForMaskedLM"], "attention_dropout": 0.1, "dim": 768, "dropout": 0.1,
        "hidden_dim": 3072, "initializer_range": 0.02, "max_position_embeddings": 512, "model_type": "distilbert",
        "n_heads": 12, "n_layers": 6, "pad_token_id": 0, "qa_dropout": 0.1, "seq_classif_dropout": 0.2,
        "sinusoidal_pos_embds": False, "vocab_size": 30522},
    "all-MiniLM-L6-v2": {
        "architectures": ["BertModel"], "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "hidden_size": 384, "initializer_range": 0.02, "intermediate_size": 1536, "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512, "model_type": "bert", "num_attention_heads": 12, "num_hidden_layers": 6,
        "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": 30522},
    "gpt2": {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12,
        "n_positions": 1024, "vocab_size": 50257},
    "TinyLlama-1.1B": {
        "architectures": ["LlamaForCausalLM"], "hidden_size": 2048, "intermediate_size": 5632,
        "max_position_embeddings": 2048, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 22,
        "num_key_value_heads": 4, "rms_norm_eps": 1e-05, "tie_word_embeddings": False, "vocab_size": 32000},
    "SmolLM2-135M": {
        "architectures": ["LlamaForCausalLM"], "hidden_size": 576, "intermediate_size": 1536,
        "max_position_embeddings": 8192, "model_type": "llama", "num_attention_heads": 9, "num_hidden_layers": 30,
        "num_key_value_heads": 3, "rms_norm_eps": 1e-05, "rope_theta": 100000, "tie_word_embeddings": True, "vocab_size": 49152},
    "Mistral-7B": {
        "architectures": ["MistralForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
        "max_position_embeddings": 32768, "model_type": "mistral", "num_attention_heads": 32, "num_hidden_layers": 32,
        "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "sliding_window": 4096, "tie_word_embeddings": False, "vocab_size": 32000},
    "Qwen2.5-0.5B": {
        "architectures": ["Qwen2ForCausalLM"], "hidden_size": 896, "intermediate_size": 4864,
        "max_position_embeddings": 32768, "max_window_layers": 24, "model_type": "qwen2", "num_attention_heads": 14,
        "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
        "sliding_window": 32768, "tie_word_embeddings": True, "use_sliding_window": False, "vocab_size": 151936},
    "Qwen3-0.6B": {
        "architectures": ["Qwen3ForCausalLM"], "attention_bias": False, "head_dim": 128, "hidden_size": 1024,
        "intermediate_size": 3072, "max_position_embeddings": 40960, "max_window_layers": 28, "model_type": "qwen3",
        "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
        "rope_theta": 1000000, "sliding_window": None, "tie_word_embeddings": True, "use_sliding_window": False, "vocab_size": 151936},
    "gemma-2-2b": {
        "architectures": ["Gemma2ForCausalLM"], "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
        "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304, "intermediate_size": 9216,
        "max_position_embeddings": 8192, "model_type": "gemma2", "num_attention_heads": 8, "num_hidden_layers": 26,
        "num_key_value_heads": 4, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "sliding_window": 4096, "vocab_size": 256000},
    "gemma-3-1b": {
        "architectures": ["Gemma3ForCausalLM"], "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
        "intermediate_size": 6912, "max_position_embeddings": 32768, "model_type": "gemma3_text", "num_attention_heads": 4,
        "num_hidden_layers": 26, "num_key_value_heads": 1, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06,
        "rope_local_base_freq": 10000, "rope_scaling": None, "rope_theta": 1000000, "sliding_window": 512,
        "sliding_window_pattern": 6, "vocab_size": 262144},
    "Phi-3-mini-4k": {
        "architectures": ["Phi3ForCausalLM"], "hidden_size": 3072, "intermediate_size": 8192, "max_position_embeddings": 4096,
        "model_type": "phi3", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
        "original_max_position_embeddings": 4096, "pad_token_id": 32000, "rms_norm_eps": 1e-05, "sliding_window": 2047,
        "tie_word_embeddings": False, "vocab_size": 32064},
    "SmolLM3-3B": {
        "architectures": ["SmolLM3ForCausalLM"], "hidden_size": 2048, "intermediate_size": 11008,
        "max_position_embeddings": 65536, "model_type": "smollm3", "no_rope_layers": [1, 1, 1, 0] * 9,
        "num_attention_heads": 16, "num_hidden_layers": 36, "num_key_value_heads": 4, "pad_token_id": 128004,
        "rms_norm_eps": 1e-06, "rope_theta": 5000000.0, "tie_word_embeddings": True, "vocab_size": 128256},
}

R, B, D, M = "roberta-base", "bert-base-uncased", "distilbert-base-uncased", "all-MiniLM-L6-v2"
ROWS = [
    # name, config, task type, labels, options
    ("roberta query r4", R, "SEQ_CLS", 2, dict(r=4, target_modules=["query"])),
    ("roberta default r8", R, "SEQ_CLS", 2, dict(r=8)),
    ("roberta all-linear r8", R, "SEQ_CLS", 2, dict(r=8, target_modules="all-linear")),
    ("roberta ia3", R, "SEQ_CLS", 2, dict(method="IA3")),
    ("bert default r8", B, "SEQ_CLS", 2, dict(r=8)),
    ("distilbert q_lin v_lin r8", D, "SEQ_CLS", 2, dict(r=8, target_modules=["q_lin", "v_lin"])),
    ("roberta rank_pattern, first match", R, "SEQ_CLS", 2, dict(
        r=8, lora_alpha=16, rank_pattern={"value": 4, "layer.11.attention.self.value": 32})),
    ("roberta rank_pattern, specific first", R, "SEQ_CLS", 2, dict(
        r=8, lora_alpha=16, rank_pattern={"layer.11.attention.self.value": 32, "value": 4},
        alpha_pattern={r"layer\.[0-5]\..*query": 64})),
    ("roberta rslora", R, "SEQ_CLS", 2, dict(r=16, lora_alpha=32, use_rslora=True)),
    ("roberta rslora and patterns", R, "SEQ_CLS", 2, dict(
        r=16, lora_alpha=32, use_rslora=True, rank_pattern={"query": 4}, alpha_pattern={"value": 8})),
    ("roberta dense is kept out of the head", R, "SEQ_CLS", 2, dict(r=8, target_modules=["dense"])),
    ("roberta dense without task type", R, None, None, dict(r=8, target_modules=["dense"])),
    ("roberta attention.output.dense", R, "SEQ_CLS", 2, dict(r=8, target_modules=["attention.output.dense"])),
    ("roberta full path", R, "SEQ_CLS", 2, dict(
        r=8, target_modules=["roberta.encoder.layer.3.attention.self.query", "key"])),
    ("roberta regular expression", R, "SEQ_CLS", 2, dict(r=8, target_modules=r".*\.(1|11)\..*(query|value)")),
    ("roberta exclude list", R, "SEQ_CLS", 2, dict(
        r=8, target_modules=["query", "value"], exclude_modules=["layer.0.attention.self.query"])),
    ("roberta exclude expression", R, "SEQ_CLS", 2, dict(
        r=8, target_modules="all-linear", exclude_modules=r".*intermediate\.dense")),
    ("roberta layers 0 11", R, "SEQ_CLS", 2, dict(r=8, layers_to_transform=[0, 11])),
    ("roberta layer 3 as a number", R, "SEQ_CLS", 2, dict(r=8, layers_to_transform=3, layers_pattern="layer")),
    ("roberta bias all", R, "SEQ_CLS", 2, dict(r=8, bias="all")),
    ("roberta bias lora_only", R, "SEQ_CLS", 2, dict(r=8, bias="lora_only")),
    ("roberta modules_to_save LayerNorm", R, "SEQ_CLS", 2, dict(r=8, modules_to_save=["embeddings.LayerNorm"])),
    ("roberta head as target", R, "SEQ_CLS", 2, dict(r=8, target_modules=["query", "out_proj"])),
    ("roberta head as target, no task type given to PEFT", R, "SEQ_CLS", 2, dict(
        r=8, target_modules=["query", "out_proj"], task_type=None)),
    ("roberta sequence head, no task type given to PEFT", R, "SEQ_CLS", 2, dict(r=8, task_type=None)),
    ("roberta tokens", R, "TOKEN_CLS", 9, dict(r=8)),
    ("roberta features", R, "FEATURE_EXTRACTION", None, dict(r=8)),
    ("roberta bare", R, None, None, dict(r=8)),
    ("bert query r4", B, "SEQ_CLS", 2, dict(r=4, target_modules=["query"])),
    ("bert all-linear takes the pooler in", B, "SEQ_CLS", 2, dict(r=8, target_modules="all-linear")),
    ("bert all-linear, ALL-LINEAR in capitals", B, "SEQ_CLS", 2, dict(r=8, target_modules="ALL-LINEAR")),
    ("bert all-linear tokens", B, "TOKEN_CLS", 9, dict(r=8, target_modules="all-linear")),
    ("bert all-linear bare", B, None, None, dict(r=8, target_modules="all-linear")),
    ("bert all-linear features", B, "FEATURE_EXTRACTION", None, dict(r=8, target_modules="all-linear")),
    ("bert all-linear of a classifier, no task type given to PEFT", B, "SEQ_CLS", 2, dict(
        r=8, target_modules="all-linear", task_type=None)),
    ("bert modules_to_save pooler", B, "SEQ_CLS", 2, dict(r=8, modules_to_save=["pooler"])),
    ("bert modules_to_save pooler, all-linear", B, "SEQ_CLS", 2, dict(
        r=8, target_modules="all-linear", modules_to_save=["pooler"])),
    ("bert regression", B, "SEQ_CLS", 1, dict(r=8)),
    ("bert bias all", B, "SEQ_CLS", 2, dict(r=8, bias="all")),
    ("bert bias all bare", B, None, None, dict(r=8, bias="all")),
    ("bert tokens", B, "TOKEN_CLS", 9, dict(r=8)),
    ("bert features", B, "FEATURE_EXTRACTION", None, dict(r=8)),
    ("bert layers 10 11 with layers_pattern list", B, "SEQ_CLS", 2, dict(
        r=8, layers_to_transform=[10, 11], layers_pattern=["layer"])),
    ("distilbert all-linear", D, "SEQ_CLS", 2, dict(r=8, target_modules="all-linear")),
    ("distilbert tokens", D, "TOKEN_CLS", 9, dict(r=8, target_modules=["q_lin", "v_lin"])),
    ("distilbert features", D, "FEATURE_EXTRACTION", None, dict(r=8, target_modules=["q_lin", "v_lin"])),
    ("distilbert feed-forward", D, "SEQ_CLS", 2, dict(r=4, target_modules=["ffn.lin1", "lin2"], layers_to_transform=[5])),
    ("distilbert bias all", D, "SEQ_CLS", 2, dict(r=8, target_modules=["q_lin"], bias="all")),
    ("distilbert without targets", D, "SEQ_CLS", 2, dict(r=8)),
    ("minilm query r4", M, "SEQ_CLS", 2, dict(r=4, target_modules=["query"])),
    ("minilm query value r4", M, "SEQ_CLS", 2, dict(r=4, target_modules=["query", "value"])),
    ("minilm one wrong name among right ones", M, "SEQ_CLS", 2, dict(r=4, target_modules=["query", "wrong"])),
    ("minilm all names wrong", M, "SEQ_CLS", 2, dict(r=4, target_modules=["wrong"])),
    ("minilm layers_pattern alone", M, "SEQ_CLS", 2, dict(r=4, target_modules=["query"], layers_pattern="layer")),
    ("minilm expression with layers_to_transform", M, "SEQ_CLS", 2, dict(
        r=4, target_modules=".*query", layers_to_transform=[1])),
    ("minilm r 0", M, "SEQ_CLS", 2, dict(r=0, target_modules=["query"])),
    ("minilm everything excluded", M, "SEQ_CLS", 2, dict(r=4, target_modules=["query"], exclude_modules=["query"])),
    ("minilm layer that is not there", M, "SEQ_CLS", 2, dict(r=4, target_modules=["query"], layers_to_transform=[6])),
] + [
    row for name in list(CONFIGS)[4:] for row in [
        (f"{name} default", name, "CAUSAL_LM", None, dict(r=8)),
        (f"{name} all-linear", name, "CAUSAL_LM", None, dict(r=4, target_modules="all-linear")),
        (f"{name} default, one label", name, "SEQ_CLS", 2, dict(r=8)),
    ]
] + [
    ("gpt2 c_proj", "gpt2", "CAUSAL_LM", None, dict(r=8, target_modules=["c_proj"], fan_in_fan_out=True)),
    ("gpt2 tokens", "gpt2", "TOKEN_CLS", 5, dict(r=8)),
    ("gpt2 bare", "gpt2", None, None, dict(r=8)),
    ("gpt2 all-linear of a classifier", "gpt2", "SEQ_CLS", 2, dict(r=8, target_modules="all-linear")),
    ("llama tokens", "SmolLM2-135M", "TOKEN_CLS", 5, dict(r=8)),
    ("llama all-linear tokens", "SmolLM2-135M", "TOKEN_CLS", 5, dict(r=8, target_modules="all-linear")),
    ("llama all-linear of a classifier", "SmolLM2-135M", "SEQ_CLS", 2, dict(r=8, target_modules="all-linear")),
    ("llama layers 0 29", "SmolLM2-135M", "CAUSAL_LM", None, dict(r=8, layers_to_transform=[0, 29], layers_pattern="layers")),
    ("llama untied head as target", "TinyLlama-1.1B", "CAUSAL_LM", None, dict(r=8, target_modules=["q_proj", "lm_head"])),
    ("llama untied head saved", "TinyLlama-1.1B", "CAUSAL_LM", None, dict(r=8, modules_to_save=["lm_head"])),
    ("llama norms saved", "SmolLM2-135M", "CAUSAL_LM", None, dict(r=8, modules_to_save=["input_layernorm", "norm"])),
    ("qwen2 bias all", "Qwen2.5-0.5B", "CAUSAL_LM", None, dict(r=8, bias="all")),
    ("qwen2 bias lora_only", "Qwen2.5-0.5B", "CAUSAL_LM", None, dict(r=8, bias="lora_only")),
    ("qwen3 tokens", "Qwen3-0.6B", "TOKEN_CLS", 3, dict(r=8, target_modules=["o_proj"])),
    ("phi3 fused", "Phi-3-mini-4k", "CAUSAL_LM", None, dict(r=16, target_modules=["qkv_proj", "gate_up_proj"])),
    ("smollm3 q_proj v_proj", "SmolLM3-3B", "CAUSAL_LM", None, dict(r=16, target_modules=["q_proj", "v_proj"])),
]


# The encoders of encoders.py; beside the others, whose list says which decoders there are.
ENCODERS = {
    "xlm-roberta-base": {
        "architectures": ["XLMRobertaForMaskedLM"], "attention_probs_dropout_prob": 0.1, "bos_token_id": 0, "eos_token_id": 2,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02,
        "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 514, "model_type": "xlm-roberta",
        "num_attention_heads": 12, "num_hidden_layers": 12, "pad_token_id": 1, "type_vocab_size": 1, "vocab_size": 250002},
    "electra-small-discriminator": {
        "architectures": ["ElectraForPreTraining"], "attention_probs_dropout_prob": 0.1, "embedding_size": 128,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 256, "initializer_range": 0.02,
        "intermediate_size": 1024, "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "model_type": "electra",
        "num_attention_heads": 4, "num_hidden_layers": 12, "type_vocab_size": 2, "vocab_size": 30522},
    "electra-base-discriminator": {
        "architectures": ["ElectraForPreTraining"], "attention_probs_dropout_prob": 0.1, "embedding_size": 768,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02,
        "intermediate_size": 3072, "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "model_type": "electra",
        "num_attention_heads": 12, "num_hidden_layers": 12, "type_vocab_size": 2, "vocab_size": 30522},
    "albert-base-v2": {
        "architectures": ["AlbertForMaskedLM"], "attention_probs_dropout_prob": 0, "bos_token_id": 2,
        "classifier_dropout_prob": 0.1, "embedding_size": 128, "eos_token_id": 3, "hidden_act": "gelu_new",
        "hidden_dropout_prob": 0, "hidden_size": 768, "initializer_range": 0.02, "inner_group_num": 1,
        "intermediate_size": 3072, "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "model_type": "albert",
        "num_attention_heads": 12, "num_hidden_groups": 1, "num_hidden_layers": 12, "pad_token_id": 0,
        "type_vocab_size": 2, "vocab_size": 30000},
    "mpnet-base": {
        "architectures": ["MPNetForMaskedLM"], "attention_probs_dropout_prob": 0.1, "bos_token_id": 0, "eos_token_id": 2,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02,
        "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 514, "model_type": "mpnet",
        "num_attention_heads": 12, "num_hidden_layers": 12, "pad_token_id": 1, "relative_attention_num_buckets": 32,
        "vocab_size": 30527},
    "ModernBERT-base": {
        "architectures": ["ModernBertForMaskedLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 50281,
        "classifier_activation": "gelu", "classifier_bias": False, "classifier_dropout": 0.0, "classifier_pooling": "mean",
        "cls_token_id": 50281, "decoder_bias": True, "embedding_dropout": 0.0, "eos_token_id": 50282,
        "global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "hidden_activation": "gelu", "hidden_size": 768,
        "initializer_cutoff_factor": 2.0, "initializer_range": 0.02, "intermediate_size": 1152, "layer_norm_eps": 1e-05,
        "local_attention": 128, "local_rope_theta": 10000.0, "max_position_embeddings": 8192, "mlp_bias": False,
        "mlp_dropout": 0.0, "model_type": "modernbert", "norm_bias": False, "norm_eps": 1e-05, "num_attention_heads": 12,
        "num_hidden_layers": 22, "pad_token_id": 50283, "position_embedding_type": "absolute", "sep_token_id": 50282,
        "vocab_size": 50368},
    "deberta-v3-base": {
        "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 768,
        "initializer_range": 0.02, "intermediate_size": 3072, "layer_norm_eps": 1e-07, "max_position_embeddings": 512,
        "max_relative_positions": -1, "model_type": "deberta-v2", "norm_rel_ebd": "layer_norm", "num_attention_heads": 12,
        "num_hidden_layers": 12, "pad_token_id": 0, "pos_att_type": "p2c|c2p", "position_biased_input": False,
        "position_buckets": 256, "relative_attention": True, "share_att_key": True, "type_vocab_size": 0,
        "vocab_size": 128100},
    "deberta-v2-xlarge": {
        "attention_head_size": 64, "attention_probs_dropout_prob": 0.1, "conv_act": "gelu", "conv_kernel_size": 3,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 1536, "initializer_range": 0.02,
        "intermediate_size": 6144, "layer_norm_eps": 1e-07, "max_position_embeddings": 512, "max_relative_positions": -1,
        "model_type": "deberta-v2", "norm_rel_ebd": "layer_norm", "num_attention_heads": 24, "num_hidden_layers": 24,
        "pad_token_id": 0, "pooler_dropout": 0, "pooler_hidden_act": "gelu", "pooler_hidden_size": 1536,
        "pos_att_type": "p2c|c2p", "position_biased_input": False, "position_buckets": 256, "relative_attention": True,
        "share_att_key": True, "type_vocab_size": 0, "vocab_size": 128100},
}
CONFIGS |= ENCODERS
OWN_TARGETS = {"albert-base-v2": ["query", "value"], "mpnet-base": ["q", "v"], "ModernBERT-base": ["Wqkv"]}  # PEFT names none
ROWS += [
    row for name in ENCODERS for usual in [{"target_modules": OWN_TARGETS[name]} if name in OWN_TARGETS else {}] for row in [
        (f"{name} default", name, "SEQ_CLS", 2, dict(r=8, **usual)),
        (f"{name} tokens", name, "TOKEN_CLS", 9, dict(r=8, **usual)),
        (f"{name} features", name, "FEATURE_EXTRACTION", None, dict(r=8, **usual)),
        (f"{name} all-linear", name, "SEQ_CLS", 2, dict(r=4, target_modules="all-linear")),
        (f"{name} bias all", name, "SEQ_CLS", 2, dict(r=8, bias="all", **usual)),
    ]
] + [
    ("deberta-v3 pooler saved", "deberta-v3-base", "SEQ_CLS", 2, dict(r=8, modules_to_save=["pooler"])),
    ("ModernBERT head saved", "ModernBERT-base", "SEQ_CLS", 2, dict(r=8, target_modules=["Wqkv", "Wi", "Wo"], modules_to_save=["head"])),
    ("albert the layer named by its place", "albert-base-v2", "SEQ_CLS", 2, dict(
        r=8, target_modules=r".*albert_layers\.0\.attention\.(query|dense)")),
    ("electra layers 10 11", "electra-small-discriminator", "SEQ_CLS", 2, dict(r=8, layers_to_transform=[10, 11])),
]


def differing(values):
    """{"*": the most frequent value, module: value for the others}."""
    if not values:
        return {}
    common_value = collections.Counter(values.values()).most_common(1)[0][0]
    return {"*": common_value, **{m: v for m, v in sorted(values.items()) if v != common_value}}


def count(name, config_name, task, labels, options):
    options = dict(options)
    method = options.pop("method", "LORA")
    row = {"name": name, "config": config_name, "task_type": task, "num_labels": labels, "method": method,
           "options": dict(options)}
    given = {"task_type": task, **options}
    fields = dict(CONFIGS[config_name])
    config = AutoConfig.for_model(**fields, **({} if labels is None else {"num_labels": labels}))
    try:
        peft_config = (LoraConfig if method == "LORA" else IA3Config)(**given)
        with torch.device("meta"):
            model = AUTO[task].from_config(config)
            row["base"] = sum(p.numel() for p in model.parameters())
            model = get_peft_model(model, peft_config)
    except (ValueError, TypeError, RuntimeError) as error:
        row["error"] = str(error)
        return row
    trained, total = model.get_nb_trainable_parameters()
    row["trainable"], row["all"] = trained, total
    row["line"] = f"trainable params: {trained:,d} || all params: {total:,d} || trainable%: {100 * trained / total:.4f}"
    adapted = {n.removeprefix("base_model.model."): m for n, m in model.named_modules() if isinstance(m, BaseTunerLayer)}
    row["modules"] = sorted(adapted)
    if method == "LORA":
        row["ranks"] = differing({n: m.r["default"] for n, m in adapted.items()})
        row["scalings"] = differing({n: m.scaling["default"] for n, m in adapted.items()})
    keys = sorted(get_peft_model_state_dict(model, save_embedding_layers=False))
    own = {f"base_model.model.{m}.lora_{x}.weight" for m in adapted for x in "AB"} if method == "LORA" else set()
    assert own <= set(keys)
    row["extra_keys"] = sorted(set(keys) - own)
    row["key_count"] = len(keys)
    row["keys_sha256"] = hashlib.sha256("\n".join(keys).encode()).hexdigest()
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(common.GOLDENS / "counts.json"))
    options = parser.parse_args()
    rows = []
    for arguments in ROWS:
        rows.append(count(*arguments))
        print(f"{rows[-1]['name']}: {rows[-1].get('line') or 'ERROR ' + rows[-1]['error'][:150]}", flush=True)
    common.write_rows(options.out, {
        "generator": "scripts/goldens/counts.py", "versions": common.versions("torch", "transformers", "peft"),
        "configs": CONFIGS, "rows": rows})


if __name__ == "__main__":
    main()
