"""Trains LoRA adapters for Stet: data in, adapter out, progress as lines of JSON."""
