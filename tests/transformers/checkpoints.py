"""Holds what rlx writes against transformers: a checkpoint saved by the engine must load unchanged and give the same
logits, a LoRA adapter that PEFT saved must merge to the same weights, and an adapter that rlx trains must load in PEFT.

    scripts/test-transformers          # runs this over every model fixture; needs torch, transformers and peft

For each fixture: the engine opens it, saves it (`cargo run --example resave`), transformers loads the copy, and its
logits for the fixture's first prompt are compared with the stored ones. Then an adapter with random factors is made by
PEFT, merged by the engine and by PEFT, and the two sets of weights are compared. Last, the engine puts an adapter with
random factors on the model and saves it; the logits of PEFT with that adapter must be those of the engine.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LOGITS = 5e-4  # the fixtures' README


def load(folder, dtype):
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder)
    kind = getattr(transformers, config.architectures[0])
    model, info = kind.from_pretrained(folder, dtype=dtype, output_loading_info=True, attn_implementation="eager")
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[key], f"{folder.name}: {key}: {info[key]}"
    return model.eval()


def inputs(fixture, expected, tensors):
    import torch

    prompt = expected["prompts"][0]
    given = {"input_ids": torch.tensor([prompt["ids"]])}
    if expected.get("images"):
        names = prompt["images"]
        images = {Path(i["file"]).name: i for i in expected["images"]}
        given["pixel_values"] = torch.cat([tensors[f"image.{n}.pixel_values"] for n in names])
        given["image_grid_thw"] = torch.tensor([images[n]["grid_thw"] for n in names])
        image_token = json.loads((fixture / "config.json").read_text())["image_token_id"]
        given["mm_token_type_ids"] = (given["input_ids"] == image_token).int()
    return prompt["key"], given


def held_by_peft(adapt, fixture, work):
    """How far PEFT's logits are off with an adapter that the engine wrote, and how far the adapter moved them."""
    import peft
    import torch
    from safetensors.torch import load_file

    ids = list(range(5, 21))
    told = subprocess.run(
        [adapt, fixture, work / "adapted", ",".join(map(str, ids))], check=True, stdout=subprocess.PIPE, text=True
    )
    ours = torch.tensor(json.loads(told.stdout))
    base = load(work / "saved", torch.float32)
    given = {"input_ids": torch.tensor([ids])}
    with torch.no_grad():
        before = base(**given).logits[0, -1]
    adapted = peft.PeftModel.from_pretrained(base, work / "adapted" / "adapter").eval()
    # PEFT passes over factors whose module it does not find: all must have come in as they are.
    factors = load_file(work / "adapted" / "adapter" / "adapter_model.safetensors")
    taken = peft.get_peft_model_state_dict(adapted)
    assert factors.keys() == taken.keys(), f"{fixture.name}: {sorted(factors.keys() ^ taken.keys())[:4]}"
    assert all(torch.equal(factors[name], taken[name]) for name in factors), fixture.name
    with torch.no_grad():
        theirs = adapted(**given).logits[0, -1]
        merged = load(work / "adapted", torch.float32)(**given).logits[0, -1]
    off = max((ours - theirs).abs().max().item(), (merged - theirs).abs().max().item())
    moved = (theirs - before).abs().max().item()
    assert off <= LOGITS < moved, f"{fixture.name}: logits with an adapter are off by {off} (moved by {moved})"
    return off


def main(resave, adapt, root):
    import peft
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(1)
    fixtures = sorted(p for p in Path(root).iterdir() if (p / "config.json").is_file())
    assert fixtures, f"no fixtures in {root}"
    for fixture in fixtures:
        expected = json.loads((fixture / "expected.json").read_text())
        tensors = load_file(fixture / "expected.safetensors")
        with tempfile.TemporaryDirectory() as work:
            work = Path(work)
            subprocess.run([resave, fixture, work / "saved"], check=True)
            model = load(work / "saved", torch.float32)
            key, given = inputs(fixture, expected, tensors)
            with torch.no_grad():
                logits = model(**given).logits[0, -1]
            off = (logits - tensors[f"{key}.last_logits"]).abs().max().item()
            assert off <= LOGITS, f"{fixture.name}: logits are off by {off}"

            # PEFT wants the base model as transformers knows it.
            torch.manual_seed(7)
            settings = peft.LoraConfig(
                r=4, lora_alpha=12, use_rslora=fixture.name.startswith("qwen"), rank_pattern={"v_proj": 2},
                alpha_pattern={r"layers\.0\.self_attn\.q_proj": 3}, target_modules=["q_proj", "v_proj", "down_proj"],
            )
            adapted = peft.get_peft_model(load(work / "saved", torch.float32), settings)
            for name, parameter in adapted.named_parameters():
                if "lora_" in name:
                    torch.nn.init.normal_(parameter, std=0.1)
            adapted.save_pretrained(work / "adapter")
            subprocess.run([resave, fixture, work / "merged", work / "adapter"], check=True)
            ours = load(work / "merged", torch.float32).state_dict()
            theirs = adapted.merge_and_unload().state_dict()
            assert ours.keys() == theirs.keys(), sorted(ours.keys() ^ theirs.keys())
            worst = max((ours[n] - theirs[n]).abs().max().item() for n in ours)
            moved = max((theirs[n] - model.state_dict()[n]).abs().max().item() for n in ours)
            assert worst <= 1e-5 < moved, f"{fixture.name}: merged weights are off by {worst} (moved by {moved})"
            trained = held_by_peft(adapt, fixture, work)
        print(f"{fixture.name}: logits off by {off:.1e}, merged weights by {worst:.1e}, with rlx's adapter by {trained:.1e}")


if __name__ == "__main__":
    try:
        import peft  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        print(f"skipped: {error}")
        sys.exit(0)
    main(*sys.argv[1:])
