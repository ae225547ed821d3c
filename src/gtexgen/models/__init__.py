"""The networks, likelihoods, priors and heads that make up a model, and how a spec becomes one."""
