"""The recipe: LoRA by PEFT, in float32 on a processor and in bfloat16 on a GPU that has it."""

import json
import os
import random
import time

from . import adapter, data
from .base import write_folder
from .contract import TrainingFailure, finish, progress, say
from .limits import Stop, limit_memory

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CHECKPOINT_SECONDS = 60
CHECKPOINT_STEPS = 25
HELD_OUT_LIMIT = 64


def base_folder(task, kind="float16"):
    """The base model as transformers reads it; made once for each model file.

    Half precision holds what a quantised file can say; `kind` is for those who train in it.
    """
    if task.base_folder:
        return task.base_folder
    if not task.base_gguf:
        raise TrainingFailure("invalid_data", "The task names neither base_gguf nor base_folder.")
    mark = (task.base_sha256 or "unknown")[:16]
    folder = os.path.join(task.cache, f"{os.path.basename(task.base)}-{mark}-{kind}")
    if not os.path.exists(os.path.join(folder, "config.json")):
        say("note", text="turning the base model into a folder, once")
        os.makedirs(task.cache, mode=0o700, exist_ok=True)
        write_folder(task.base_gguf, folder, kind)
    return folder


class Recipe:
    def __init__(self, task):
        self.task = task
        self.stop = Stop()
        self.began = time.monotonic()
        self.losses = []
        self.step = 0

    def run(self):
        task = self.task
        conversations = data.read(task.train)
        held_out = data.read(task.held_out) if task.held_out else []
        folder = base_folder(task)
        task.check_time()
        self._load(folder)
        encoder = data.Encoder(self.tokenizer, int(task.max_tokens))
        examples = encoder.all(conversations, "training")
        self._resume()
        self._train(examples)
        result = None
        if held_out:
            result = self._measure(encoder.all(held_out[:HELD_OUT_LIMIT], "held-out"))
        adapter.write(self._weights(), task.output, task)
        gguf = os.path.join(task.output, "adapter.gguf")
        finish(
            folder=task.output,
            gguf=gguf if os.path.exists(gguf) else None,
            losses=self.losses,
            seconds=time.monotonic() - self.began,
            held_out=result,
        )

    # Loading

    def _load(self, folder):
        import torch
        import transformers
        from peft import LoraConfig, get_peft_model

        self.torch = torch
        torch.manual_seed(int(self.task.seed))
        if self.task.threads:
            torch.set_num_threads(int(self.task.threads))
        on_gpu = torch.cuda.is_available()
        self.device = torch.device("cuda" if on_gpu else "cpu")
        half = on_gpu and torch.cuda.is_bf16_supported()
        kind = torch.bfloat16 if half else torch.float32
        if on_gpu:
            whole = torch.cuda.get_device_properties(0).total_memory
            share = min(1.0, self.task.memory_bytes / whole)
            torch.cuda.set_per_process_memory_fraction(share)
        else:
            limit_memory(self.task.memory_bytes)
        name = "dtype" if int(transformers.__version__.split(".")[0]) >= 5 else "torch_dtype"
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, **{name: kind})
        model.config.use_cache = False
        settings = LoraConfig(
            r=int(self.task.rank),
            lora_alpha=int(self.task.alpha),
            lora_dropout=0.0,
            bias="none",
            task_type="CAUSAL_LM",
            target_modules=TARGETS,
        )
        self.model = get_peft_model(model, settings).to(self.device)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        # The weights that learn stay exact: bfloat16 would round a small step away.
        for parameter in self.parameters:
            parameter.data = parameter.data.float()
        self.half = half
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=self.task.learning_rate, weight_decay=0.0
        )
        say("note", text=f"training on {self.device} in {str(kind).rsplit('.', 1)[-1]}")

    # Training

    def _order(self, count):
        """Places of examples, each once before any twice, the same for the same seed."""
        epoch = 0
        while True:
            places = list(range(count))
            random.Random(f"{self.task.seed}/{epoch}").shuffle(places)
            yield from places
            epoch += 1

    def _rate(self):
        warm = max(1, int(self.task.steps) // 20)
        left = (self.task.steps - self.step) / self.task.steps
        return self.task.learning_rate * min((self.step + 1) / warm, max(0.1, left))

    def _train(self, examples):
        task = self.task
        order = self._order(len(examples))
        for _ in range(self.step * int(task.batch)):
            next(order)
        saved_at = time.monotonic()
        self.model.train()
        while self.step < task.steps:
            if self.stop.asked:
                self._save()
                raise TrainingFailure("cancelled", f"Stopped after step {self.step}.")
            if time.monotonic() > task.deadline:
                self._save()
                task.check_time()
            batch = [examples[next(order)] for _ in range(int(task.batch))]
            for group in self.optimizer.param_groups:
                group["lr"] = self._rate()
            loss = self._loss(batch)[0]
            value = float(loss.item())
            if value != value:
                raise TrainingFailure("failed", "The loss is no number. Lower the learning rate.")
            loss.backward()
            self.torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.step += 1
            self.losses.append(round(value, 5))
            progress(self.step, int(task.steps), self.losses[-1])
            late = time.monotonic() - saved_at > CHECKPOINT_SECONDS
            if self.step < task.steps and (late or self.step % CHECKPOINT_STEPS == 0):
                self._save()
                saved_at = time.monotonic()

    def _loss(self, batch):
        """Mean negative log-probability of the answers' tokens, and how many these are."""
        torch = self.torch
        longest = max(len(prompt) + len(answer) for prompt, answer in batch)
        ids, labels, seen = [], [], []
        pad = self.tokenizer.pad_token_id or 0
        for prompt, answer in batch:
            space = longest - len(prompt) - len(answer)
            ids.append(prompt + answer + [pad] * space)
            labels.append([-100] * len(prompt) + answer + [-100] * space)
            seen.append([1] * (longest - space) + [0] * space)
        put = {"device": self.device}
        wanted = torch.tensor(labels, **put)[:, 1:]
        learned = wanted != -100
        bare = self.model.get_base_model()
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            hidden = bare.model(
                input_ids=torch.tensor(ids, **put), attention_mask=torch.tensor(seen, **put)
            )[0]
            # Only the answer's places are turned into words: over a whole prompt that would be
            # a third of a small model's work and most of its memory.
            logits = bare.lm_head(hidden[:, :-1][learned])
        loss = torch.nn.functional.cross_entropy(logits.float(), wanted[learned])
        return loss, int(learned.sum())

    # Checkpoints

    @property
    def _checkpoint(self):
        return os.path.join(self.task.work, "checkpoint.safetensors")

    def _save(self):
        from safetensors.torch import save_file

        state = {}
        for place, parameter in enumerate(self.parameters):
            moments = self.optimizer.state.get(parameter, {})
            state[f"{place}.weight"] = parameter.detach().cpu().contiguous()
            for name in ("exp_avg", "exp_avg_sq"):
                if name in moments:
                    state[f"{place}.{name}"] = moments[name].detach().cpu().contiguous()
        words = {
            "fingerprint": self.task.fingerprint(),
            "step": str(self.step),
            "losses": json.dumps(self.losses),
        }
        os.makedirs(self.task.work, mode=0o700, exist_ok=True)
        # Unlike torch's own form, reading this one runs nothing.
        save_file(state, self._checkpoint + ".new", metadata=words)
        os.replace(self._checkpoint + ".new", self._checkpoint)
        say("checkpoint", step=self.step)

    def _resume(self):
        if not self.task.resume or not os.path.exists(self._checkpoint):
            return
        from safetensors import safe_open

        try:
            with safe_open(self._checkpoint, "pt") as file:
                words = file.metadata()
                state = {key: file.get_tensor(key) for key in file.keys()}
            step, losses = int(words["step"]), json.loads(words["losses"])
            fits = words["fingerprint"] == self.task.fingerprint()
        except Exception as problem:
            say("note", text=f"the checkpoint cannot be read and is left out: {problem}"[:200])
            return
        if not fits:
            say("note", text="the checkpoint is of another task and is left out")
            return
        for place, parameter in enumerate(self.parameters):
            parameter.data.copy_(state[f"{place}.weight"])
            if f"{place}.exp_avg" in state:
                self.optimizer.state[parameter] = {
                    "step": self.torch.tensor(float(step)),
                    "exp_avg": state[f"{place}.exp_avg"].to(self.device),
                    "exp_avg_sq": state[f"{place}.exp_avg_sq"].to(self.device),
                }
        self.step, self.losses = step, losses
        say("note", text=f"going on after step {self.step}")

    # What comes of it

    def _measure(self, examples):
        """The losses on what was held out: of the adapter, the base, another's adapter."""
        own = self._mean_loss(examples)
        with self.model.disable_adapter():
            bare = self._mean_loss(examples)
        other = None
        if self.task.compare_with:
            self.model.load_adapter(self.task.compare_with, adapter_name="other")
            self.model.set_adapter("other")
            other = self._mean_loss(examples)
            self.model.set_adapter("default")
        return {"comments": len(examples), "adapter": own, "base": bare, "other": other}

    def _mean_loss(self, examples):
        self.model.eval()
        total = tokens = 0
        with self.torch.no_grad():
            for example in examples:
                if self.stop.asked:
                    raise TrainingFailure("cancelled", "Stopped while measuring.")
                self.task.check_time()
                loss, count = self._loss([example])
                total += float(loss) * count
                tokens += count
        return total / tokens

    def _weights(self):
        from peft import get_peft_model_state_dict

        weights = {}
        for key, values in get_peft_model_state_dict(self.model).items():
            match = adapter._KEY.search(key)
            place = (int(match[1]), adapter.NAMES[match[2]], match[3].lower())
            weights[place] = values.detach().float().cpu().numpy()
        return weights


def run(task):
    Recipe(task).run()
