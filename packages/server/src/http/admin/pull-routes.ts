// The routes of the management API about hubs.
import { PullRequestSchema } from '@amaas/protocols/admin';
import type { RouteDescription } from '../family.ts';

export const PULL_SCHEMAS = { PullRequest: PullRequestSchema } as const;

export const PULL_ROUTES = {
  pull: {
    method: 'POST',
    path: '/admin/v1/pulls',
    access: 'deploy',
    summary: 'Pull a model from a hub; progress as server-sent events, the version as the last one',
    tag: 'Versions',
    requestBody: PullRequestSchema,
    example: { reference: 'hf:owner/repo:model-Q4_K_M.gguf', name: 'chat', labels: ['production'] },
    replyType: 'text/event-stream',
  },
} as const satisfies Record<string, RouteDescription>;
