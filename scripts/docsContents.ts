/** The pages of the documentation in the order in which they are read, by group. */
export const CONTENTS: Readonly<Record<string, readonly string[]>> = {
  Begin: [
    'docs/guides/first-training.md',
    'docs/guides/from-pytorch.md',
    'docs/guides/from-tensorflow.md',
    'docs/guides/from-xpmir.md',
    'docs/setup.md',
    'docs/guides/troubleshooting.md',
  ],
  Train: [
    'docs/learning.md',
    'docs/guides/own-model.md',
    'docs/guides/own-trainer.md',
    'docs/guides/listeners.md',
    'docs/data.md',
    'docs/checkpoints.md',
    'docs/monitoring.md',
    'docs/guides/mixed-precision.md',
    'docs/compile.md',
    'docs/gpu.md',
  ],
  Models: ['docs/models.md', 'docs/transformers.md', 'docs/tokenizers.md'],
  Retrieval: ['docs/collections.md', 'docs/search.md', 'docs/measures.md', 'docs/rankers.md'],
  Experiments: ['docs/experiments.md'],
  Project: [
    'docs/features.md',
    'docs/peers.md',
    'docs/benchmarks.md',
    'bench/RESULTS.md',
    'docs/architecture.md',
    'CHANGELOG.md',
  ],
};
