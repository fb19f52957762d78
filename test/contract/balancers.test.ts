import { balancerNames, findBalancer } from '#lib/balancers/registry.js'
import { type ContractCase, testBalancerContract } from './balancer.js'

const skips: Record<string, Partial<Record<ContractCase, string>>> = {
  'First-Alive': {
    fair: 'the first server gets everything',
    'fair by weight': 'the first server gets everything',
  },
}

for (const name of balancerNames()) testBalancerContract(name, findBalancer(name)!, skips[name])
