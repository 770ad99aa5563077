"""Conversations to tokens: what is learned is the last turn, the assistant's, and nothing else."""

import json

from .contract import TrainingFailure

ROLES = ("system", "user", "assistant")


def read(path):
    """The conversations of a JSONL file."""
    conversations = []
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    conversations.append(_conversation(line, f"{path}, line {number}"))
    except (OSError, UnicodeDecodeError) as problem:
        raise TrainingFailure("invalid_data", f"{path} cannot be read: {problem}") from None
    return conversations


def _conversation(line, place):
    try:
        messages = json.loads(line)["messages"]
        fits = (
            isinstance(messages, list)
            and len(messages) >= 2
            and all(m["role"] in ROLES and isinstance(m["content"], str) for m in messages)
            and messages[-1]["role"] == "assistant"
            and messages[-2]["role"] == "user"
        )
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise TrainingFailure(
            "invalid_data",
            f'{place} is not {{"messages": [{{"role", "content"}}, …]}} that ends with a user\'s '
            "and an assistant's turn.",
        )
    return messages


class Encoder:
    """Turns conversations into token ids, by the template that the served model uses."""

    def __init__(self, tokenizer, limit):
        self.tokenizer = tokenizer
        self.limit = limit

    def encode(self, messages):
        """Ids of the prompt and of the answer; `None` where the answer alone is too long."""
        write = self.tokenizer.apply_chat_template
        prompt = write(messages[:-1], tokenize=False, add_generation_prompt=True)
        whole = write(messages, tokenize=False)
        if whole.startswith(prompt):
            answer = whole[len(prompt) :]
        else:
            answer = messages[-1]["content"] + self.tokenizer.eos_token
        prompt_ids = self.tokenizer.encode(prompt, add_special_tokens=False)
        answer_ids = self.tokenizer.encode(answer, add_special_tokens=False)
        room = self.limit - len(answer_ids)
        if room < 16:
            return None
        if len(prompt_ids) > room:
            # The start says who speaks, the end is what the comment is about.
            head = room // 4
            prompt_ids = prompt_ids[:head] + prompt_ids[len(prompt_ids) - (room - head) :]
        return prompt_ids, answer_ids

    def all(self, conversations, name):
        encoded = [self.encode(messages) for messages in conversations]
        kept = [pair for pair in encoded if pair]
        if not kept:
            raise TrainingFailure(
                "invalid_data",
                f"Of {len(encoded)} {name} examples none is of use: none is there, or each answer "
                f"is longer than {self.limit} tokens.",
            )
        return kept
