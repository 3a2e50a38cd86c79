"""Makes fixtures for options that those in tests/reference do not use (YaRN, dynamic and linear rope, sliding windows,
biases): `options.py FOLDER` writes FOLDER/models; then `RLX_REFERENCE=FOLDER cargo test --release -p rlx-engine --test
reference_models reference_logits_and_hidden_states reference_logprobs` holds the engine against them, each test by itself.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

BASE = dict(
    vocab_size=101, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=64, tie_word_embeddings=False, bos_token_id=None, eos_token_id=1,
)


def rope(kind, **more):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **more))


CASES = {
    "yarn": transformers.Qwen2Config(**BASE, **rope("yarn", factor=4.0, original_max_position_embeddings=32)),
    "yarn_mscale": transformers.Qwen2Config(**BASE, **rope(
        "yarn", factor=8.0, original_max_position_embeddings=16, mscale=0.7, mscale_all_dim=1.2, beta_fast=16, beta_slow=2,
        truncate=False,
    )),
    "dynamic": transformers.Qwen2Config(**BASE, **rope("dynamic", factor=4.0)),
    "linear_biases": transformers.LlamaConfig(**BASE, attention_bias=True, mlp_bias=True, **rope("linear", factor=4.0)),
    "window": transformers.Qwen2Config(**BASE, use_sliding_window=True, sliding_window=7, max_window_layers=1),
    "window_qwen3": transformers.Qwen3Config(
        **BASE, head_dim=24, attention_bias=True, use_sliding_window=True, sliding_window=5,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    ),
}


def probe(values):
    values = values.double().flatten()
    i = torch.arange(len(values), dtype=torch.int64)
    weights = ((2654435761 * i + 12345) % (1 << 32)).double() / 4294967296 - 0.5
    return float((values * weights).sum())


def main(folder):
    for seed, (name, config) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
        for key, parameter in model.named_parameters():
            torch.nn.init.normal_(parameter, mean=1.0 if "norm" in key else 0.0, std=0.15)
        place = Path(folder) / "models" / name
        model.save_pretrained(place)
        ids = torch.randint(2, 101, (1, 40))
        with torch.no_grad():
            out = model(ids, output_hidden_states=True)
        states, logits = out.hidden_states, out.logits[0]
        logprobs = torch.log_softmax(logits.double(), -1)[:-1].gather(1, ids[0, 1:, None])[:, 0].float()
        prompt = dict(key="p0", ids=ids[0].tolist(), hidden=[dict(probe=probe(state)) for state in states])
        expected = dict(architecture=type(model).__name__, prompts=[prompt])
        (place / "expected.json").write_text(json.dumps(expected))
        save_file(
            {
                "p0.hidden_last": torch.stack([state[0, -1] for state in states]),
                "p0.last_logits": logits[-1].clone(), "p0.logits": logits.clone(), "p0.logprobs": logprobs,
            },
            place / "expected.safetensors",
        )


if __name__ == "__main__":
    main(sys.argv[1])
