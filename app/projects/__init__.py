"""Projects, their environments, and the variables of what lives in them.

`placing` answers where a new resource goes, `variables` what its environment is with shared variables put in,
`env_routes` gives services and databases the same `/envs` routes, `shared_env_routes` has those of what is shared,
`instant_deploy` queues a deployment for an endpoint that knows nothing of deployments.
"""
