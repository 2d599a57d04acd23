"""Encoders, decoders and heads, combined by config."""
