"""HTTP server for trained models: TensorFlow Serving's interface, dynamic batching, and hot replacement of versions."""
