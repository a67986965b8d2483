"""Whether an exported model still says what it said: metadata, golden samples, timing; on any machine, without TensorFlow."""
