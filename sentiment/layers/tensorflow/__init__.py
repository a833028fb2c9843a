"""Fused loops of LSTM and GRU on a CPU; the only subpackage of the layers that imports TensorFlow eagerly."""
