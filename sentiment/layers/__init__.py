"""Keras layers of the project, usable in any Keras model, in `keras.ops` for every backend."""

from sentiment.layers.attention import (
    AdditiveAttention,
    CosineAttention,
    DotProductAttention,
    EuclideanAttention,
    LuongAttention,
    SelfAttentivePooling,
)
from sentiment.layers.convolution import MaskedConv1D
from sentiment.layers.dropout import WordDropout
from sentiment.layers.embedding import Embedding
from sentiment.layers.ensemble import Ensemble, MemberIds
from sentiment.layers.fused import GRU, LSTM, Bidirectional
from sentiment.layers.hierarchy import JoinSentences, SplitSentences
from sentiment.layers.ngrams import BigramEmbedding, LinearNgrams
from sentiment.layers.perturbation import EmbeddedWords
from sentiment.layers.pooling import MaskedPooling
from sentiment.layers.recurrent import RNN, GRUCell, LayerNormLSTMCell, LSTMCell, SimpleRNNCell
from sentiment.layers.scan import QRNN, RGLRU, SRU, MinGRU, MinLSTM
from sentiment.layers.transformer import SinusoidalPositions

__all__ = ["GRU", "LSTM", "QRNN", "RGLRU", "RNN", "SRU", "AdditiveAttention", "Bidirectional", "BigramEmbedding",
           "CosineAttention", "DotProductAttention", "EmbeddedWords", "Embedding", "Ensemble", "EuclideanAttention",
           "GRUCell", "JoinSentences", "LSTMCell", "LayerNormLSTMCell", "LinearNgrams", "LuongAttention",
           "MaskedConv1D", "MaskedPooling", "MemberIds", "MinGRU", "MinLSTM", "SelfAttentivePooling", "SimpleRNNCell",
           "SinusoidalPositions", "SplitSentences", "WordDropout"]
