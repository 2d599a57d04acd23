"""From a trained run to an ONNX bundle, proven equal."""
