"""HTTP over trained models: TensorFlow Serving's paths and bodies, requests batched together, versions swapped live."""
