"""Bundles, the ONNX model and the latent controls."""
