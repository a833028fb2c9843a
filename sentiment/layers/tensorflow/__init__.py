"""The fused loops of LSTM and GRU on a CPU; the one place of the layers that imports TensorFlow at once."""
