"""Goldens of further encoders, made with transformers and PEFT from tiny random models: what models.py makes of BERT and its kin.

usage: python scripts/goldens/encoders.py [--out Tests/Goldens] [--only CASE ...]

Writes <out>/models/<base>/ (Hugging Face folders) and <out>/<case>/ (adapter/, golden.safetensors, golden.json).
Two runs write the same bytes. scripts/goldens/README.md says what each name in a golden means.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

import common

if __name__ == "__main__":
    common.reproducible_start()

import torch
from transformers import (
    AlbertConfig, AlbertForPreTraining, AlbertForSequenceClassification, AutoConfig, DebertaV2Config,
    DebertaV2ForMaskedLM, DebertaV2ForSequenceClassification, DebertaV2ForTokenClassification, ElectraConfig,
    ElectraForPreTraining, ElectraForSequenceClassification, ModernBertConfig, ModernBertForMaskedLM,
    ModernBertForSequenceClassification, MPNetConfig, MPNetForTokenClassification, MPNetModel, XLMRobertaConfig,
    XLMRobertaModel,
)

import models
from models import lora

VOCAB, WIDTH, INNER, POSITIONS = 72, 32, 40, 64


def sizes(**more):
    return dict(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=POSITIONS, initializer_range=0.2) | more


def quiet(**more):
    """Sizes, and nothing dropped, under BERT's names."""
    return sizes(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=0) | more


def deberta(**more):
    return DebertaV2Config(**quiet(relative_attention=True, layer_norm_eps=1e-7) | more)


def modernbert(**more):
    return ModernBertConfig(**sizes(
        num_hidden_layers=4, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2,
        local_attention=4, max_position_embeddings=160) | more)


def as_published(config):
    """ModernBERT's older spelling: two thetas, and every n-th layer by a number."""
    parameters = config.pop("rope_parameters")
    config["global_rope_theta"] = parameters["full_attention"]["rope_theta"]
    config["local_rope_theta"] = parameters["sliding_attention"]["rope_theta"]
    config.pop("layer_types")
    config["global_attn_every_n_layers"] = 3


def with_bar(config):
    """DeBERTa's older spelling of the kinds of scores."""
    config["pos_att_type"] = "|".join(config["pos_att_type"])


BASES = {
    # name: (class, config, seed, spelling of config.json, what it stands for)
    "xlm-roberta": (
        XLMRobertaModel, lambda: XLMRobertaConfig(**quiet(
            pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1, layer_norm_eps=1e-5)),
        300, None, "saved bare, as sentence encoders are: no prefix, pooler present"),
    "electra": (
        ElectraForSequenceClassification, lambda: ElectraConfig(**quiet(
            embedding_size=20, type_vocab_size=2, num_labels=3)),
        301, None, "as electra-small-discriminator, trained before: embeddings narrower than the states"),
    "electra-square": (
        ElectraForPreTraining, lambda: ElectraConfig(**quiet(
            embedding_size=WIDTH, type_vocab_size=2, num_hidden_layers=1)),
        302, None, "as electra-base-discriminator: no embeddings_project, discriminator_predictions unused"),
    "mpnet": (
        MPNetModel, lambda: MPNetConfig(**quiet(pad_token_id=1, layer_norm_eps=1e-5)),
        303, None, "saved bare, as all-mpnet-base-v2: a table of distances that all layers share"),
    "mpnet-long": (
        MPNetForTokenClassification, lambda: MPNetConfig(**quiet(
            pad_token_id=1, layer_norm_eps=1e-5, num_hidden_layers=1, max_position_embeddings=160, num_labels=3)),
        314, None, "positions beyond the 128 distances that attention tells apart"),
    "albert": (
        AlbertForPreTraining, lambda: AlbertConfig(**quiet(
            embedding_size=20, num_hidden_layers=3, classifier_dropout_prob=0.0)),
        304, None, "as albert-base-v2: one layer used three times, embeddings narrower than the states"),
    "albert-groups": (
        AlbertForSequenceClassification, lambda: AlbertConfig(**quiet(
            num_labels=3, embedding_size=12, num_hidden_layers=3, num_hidden_groups=2, inner_group_num=2, hidden_act="gelu",
            classifier_dropout_prob=0.0)),
        305, None, "two groups of two layers over three steps: the first is used twice"),
    "modernbert": (
        ModernBertForMaskedLM, lambda: modernbert(),
        306, as_published, "as ModernBERT-base: no biases, every third layer sees all, two thetas, norms without bias"),
    "modernbert-classifier": (
        ModernBertForSequenceClassification, lambda: modernbert(num_hidden_layers=3, num_labels=3),
        315, None, "no biases, and a head that was trained before"),
    "modernbert-biased": (
        ModernBertForSequenceClassification, lambda: modernbert(
            num_hidden_layers=3, num_labels=3, norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True,
            classifier_pooling="mean", classifier_activation="relu", hidden_activation="silu", local_attention=6,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            rope_parameters=dict(
                full_attention=dict(rope_type="linear", rope_theta=5000.0, factor=2.0),
                sliding_attention=dict(rope_type="default", rope_theta=50.0))),
        307, None, "biases everywhere, mean pooling, layer_types and a table of rope_parameters for each kind of layer"),
    "deberta-v3": (
        DebertaV2ForMaskedLM, lambda: deberta(
            position_buckets=4, max_relative_positions=-1, norm_rel_ebd="layer_norm", share_att_key=True,
            pos_att_type=["p2c", "c2p"], position_biased_input=False),
        308, with_bar, "as deberta-v3-base: keys shared, logarithmic buckets, normalised table, no pooler in the file"),
    "deberta-v2": (
        DebertaV2ForSequenceClassification, lambda: deberta(
            position_buckets=6, max_relative_positions=20, norm_rel_ebd="layer_norm", share_att_key=True,
            pos_att_type=["p2c", "c2p"], position_biased_input=False, conv_kernel_size=3, conv_act="gelu",
            attention_head_size=8, pooler_hidden_act="tanh", pooler_hidden_size=WIDTH, pooler_dropout=0, num_labels=3),
        309, None, "as deberta-v2-xlarge: a convolution beside the first layer; pooler and classifier in the file"),
    "deberta-apart": (
        DebertaV2ForTokenClassification, lambda: deberta(
            num_labels=3, max_relative_positions=5, pos_att_type=["c2p", "p2c"], type_vocab_size=2, embedding_size=20),
        310, None, "projections of positions of their own, distances without buckets cut at 5, absolute positions, token types, embed_proj"),
    "deberta-c2p": (
        DebertaV2ForMaskedLM, lambda: deberta(
            num_hidden_layers=1, position_buckets=4, max_relative_positions=16, pos_att_type=["c2p"],
            hidden_act="gelu_new"),
        311, None, "content to position alone; one layer, of which the head reads one row"),
    "deberta-p2c": (
        DebertaV2ForMaskedLM, lambda: deberta(position_buckets=4, max_relative_positions=16, pos_att_type=["p2c"]),
        312, None, "position to content alone"),
    "deberta-plain": (
        DebertaV2ForMaskedLM, lambda: deberta(num_hidden_layers=1, relative_attention=False, pos_att_type=["c2p"]),
        313, None, "no relative attention; the scale counts the kinds that are named"),
}


def make_base(name):
    cls, config, seed, spelling, what = BASES[name]
    torch.manual_seed(seed)
    model = cls(config())
    generator = torch.Generator().manual_seed(seed * 1000)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 1:
                is_norm = "norm" in parameter_name.lower() and parameter_name.endswith("weight")
                parameter.copy_((1 if is_norm else 0) + 0.2 * noise)
            elif "relative_attention_bias" in parameter_name:
                parameter.copy_(noise)
    folder = Path("models") / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if spelling:
        path = folder / "config.json"
        values = json.loads(path.read_text())
        spelling(values)
        common.write_json(path, values)
        read, given = AutoConfig.from_pretrained(folder).to_dict(), config().to_dict()
        for key in ["rope_parameters", "layer_types", "pos_att_type"]:
            assert read.get(key) == given.get(key), f"{folder}: {key} is read as {read.get(key)}, not {given.get(key)}"
    common.write_json(folder / "base.json", {
        "generator": "scripts/goldens/encoders.py", "what": what, "seed": seed,
        "files": common.checksums(folder, without=("base.json",))})


def classified(base, what, labels=3, **options):
    more = {key: options.pop(key) for key in ["states", "pairs", "problem"] if key in options}
    return dict(
        base=base, task="SEQ_CLS", labels=labels, vocab=VOCAB, what=what, apart=base.startswith("modernbert"),
        adapters={"default": lora("SEQ_CLS", **dict(r=3, lora_alpha=6) | options)}, **more)


def tagged(base, what, labels=4, **options):
    return dict(
        base=base, task="TOKEN_CLS", labels=labels, vocab=VOCAB, what=what, apart=base.startswith("modernbert"), states=True,
        adapters={"default": lora("TOKEN_CLS", **dict(r=2, lora_alpha=4) | options)})


def featured(base, what="bare model", **options):
    return dict(
        base=base, task="FEATURE_EXTRACTION", labels=None, vocab=VOCAB, what=what, apart=base.startswith("modernbert"),
        states=True, train=False,
        adapters={"default": lora("FEATURE_EXTRACTION", **dict(r=2, lora_alpha=4) | options)})


def long(base, what, **options):
    """Rows over the borders of tiles, of windows and of what distances tell apart."""
    return tagged(base, what, **options) | dict(states=False, lengths=[[150, 9], [40, 131], [7, 64], [129, 2]])


def full(base, task="SEQ_CLS", **more):
    return dict(
        base=base, task=task, labels=3, vocab=VOCAB, states=True, apart=base.startswith("modernbert"), adapters={},
        what="no adapter: full fine-tuning, gradients of all parameters by their checkpoint names", **more)


QV = dict(target_modules=["query", "value"])
CASES = {
    "xlm-roberta-seq-cls": classified("xlm-roberta", "targets left to PEFT's table", states=True),
    "xlm-roberta-token-cls": tagged("xlm-roberta", "token labels", target_modules=["query", "key", "output.dense"]),
    "xlm-roberta-features": featured("xlm-roberta"),
    "electra-seq-cls": classified("electra", "pairs with token types; targets left to PEFT's table", pairs=True, states=True),
    "electra-token-cls": tagged("electra", "embeddings_project adapted too", target_modules=["embeddings_project", "query"]),
    "electra-features": featured("electra"),
    "electra-full": full("electra", pairs=True),
    "electra-square-seq-cls": classified("electra-square", "no projection; one layer", target_modules=["query", "value", "dense"],
                                         exclude_modules=["classifier.dense"]),
    "mpnet-seq-cls": classified("mpnet", "the head is PEFT's to save", target_modules=["q", "v"], states=True),
    "mpnet-token-cls": tagged("mpnet", "token labels", target_modules=["q", "k", "o"]),
    "mpnet-features": featured("mpnet", target_modules=["q", "v"]),
    "mpnet-full": full("mpnet-long", task="TOKEN_CLS"),
    "albert-seq-cls": classified("albert", "pairs; one LoRA for three uses of a layer", pairs=True, states=True, **QV),
    "albert-token-cls": tagged("albert", "the projection of the embeddings adapted too",
                               target_modules=["embedding_hidden_mapping_in", "ffn", "dense"]),
    "albert-features": featured("albert", **QV),
    "albert-groups-seq-cls": classified("albert-groups", "LoRA on every linear of four layers",
                                        target_modules="all-linear"),
    "albert-groups-full": full("albert-groups", pairs=True),
    "modernbert-seq-cls": classified("modernbert", "LoRA on the fused projection", target_modules=["Wqkv"], states=True),
    "modernbert-head": classified("modernbert", "the head trained and saved too", target_modules=["Wqkv", "Wi", "Wo"],
                                  modules_to_save=["head", "classifier"]),
    "modernbert-token-cls": tagged("modernbert", "token labels", target_modules=["Wqkv", "Wo"]),
    "modernbert-features": featured("modernbert", target_modules=["Wqkv"]),
    "modernbert-mean": classified("modernbert-biased", "mean pooling", target_modules=["Wqkv", "Wi"], states=True),
    "modernbert-full": full("modernbert-classifier"),
    "modernbert-biased-full": full("modernbert-biased"),
    "deberta-v3-seq-cls": classified("deberta-v3", "pooler absent from the file, trained and saved by name",
                                     modules_to_save=["pooler", "classifier"], states=True),
    "deberta-v3-token-cls": tagged("deberta-v3", "LoRA on keys that positions share",
                                   target_modules=["query_proj", "key_proj", "value_proj"]),
    "deberta-v3-features": featured("deberta-v3"),
    "deberta-v2-seq-cls": classified("deberta-v2", "convolution; pooler of the file", states=True),
    "deberta-v2-full": full("deberta-v2"),
    "deberta-apart-seq-cls": classified(
        "deberta-apart", "LoRA on projections of positions", pairs=True, states=True,
        target_modules=["pos_key_proj", "pos_query_proj", "embed_proj", "value_proj"], modules_to_save=["pooler", "classifier"]),
    "deberta-apart-full": full("deberta-apart", task="TOKEN_CLS", pairs=True),
    "deberta-c2p-seq-cls": classified("deberta-c2p", "one row of one layer", modules_to_save=["pooler", "classifier"]),
    "deberta-p2c-token-cls": tagged("deberta-p2c", "position to content alone"),
    "mpnet-long-token-cls": long("mpnet-long", "distances beyond 128", labels=3, target_modules=["q", "k"]),
    "modernbert-long-token-cls": long("modernbert", "rows much longer than windows", target_modules=["Wqkv"]),
    "deberta-v3-long-token-cls": long("deberta-v3", "rows longer than max_position_embeddings"),
    "deberta-plain-token-cls": tagged("deberta-plain", "no relative attention"),
}


def distances():
    """Which rows of their tables MPNet and DeBERTa take for distances, run by run: [first distance, row] where the row is another."""
    from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position
    from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

    def runs(first, rows):
        return [[first + i, row] for i, row in enumerate(rows) if i == 0 or row != rows[i - 1]]

    reach = torch.arange(-700, 701)
    tables = []
    for buckets, longest in [(256, 512), (4, 64), (6, 20), (64, 128), (-1, 512), (-1, 5)]:
        positions = reach if buckets < 0 else make_log_bucket_position(reach, buckets, longest).to(torch.long)
        span = buckets if buckets > 0 else longest
        tables.append({
            "buckets": buckets, "longest": longest,
            "rows": runs(-700, torch.clamp(positions + span, 0, 2 * span - 1).tolist())})
    return {
        "generator": "scripts/goldens/encoders.py", "versions": common.versions("torch", "transformers"), "deberta": tables,
        "mpnet": runs(-700, MPNetEncoder.relative_position_bucket(reach).tolist())}


def more(case, model):
    """The line of counts."""
    if not case["adapters"]:
        return {}
    trained, total = model.get_nb_trainable_parameters()
    return {"line": f"trainable params: {trained:,d} || all params: {total:,d} || trainable%: {100 * trained / total:.4f}"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(common.GOLDENS))
    parser.add_argument("--only", nargs="*", default=None)
    options = parser.parse_args()
    (Path(options.out) / "models").mkdir(parents=True, exist_ok=True)
    os.chdir(options.out)
    common.write_rows("distances.json", distances())
    for name in BASES:
        make_base(name)
    for index, (name, case) in enumerate(CASES.items()):
        if options.only is None or name in options.only:
            models.make_case(name, case, 2000 + 10 * index, script="encoders.py", more=lambda model: more(case, model))


if __name__ == "__main__":
    main()
