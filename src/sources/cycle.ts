interface Node {
  readonly handle: string
  readonly dependsOn: readonly { readonly handle: string }[]
}

/**
 * A dependency cycle as a path that begins and ends with the same handle, each depending on the next; null: there is none.
 * Dependencies on handles outside `nodes` are ignored. The same input gives the same path.
 */
export function findCycle(nodes: readonly Node[]): readonly string[] | null {
  const byHandle = new Map(nodes.map((node) => [node.handle, node]))
  const finished = new Set<string>()
  for (const root of nodes) {
    const path: { node: Node; next: number }[] = finished.has(root.handle) ? [] : [{ node: root, next: 0 }]
    const onPath = new Set(path.map((step) => step.node.handle))
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const dependency = top.node.dependsOn[top.next++]
      if (dependency === undefined) {
        finished.add(top.node.handle)
        onPath.delete(top.node.handle)
        path.pop()
      } else if (onPath.has(dependency.handle)) {
        const handles = path.map((step) => step.node.handle)
        return [...handles.slice(handles.indexOf(dependency.handle)), dependency.handle]
      } else {
        const node = byHandle.get(dependency.handle)
        if (node && !finished.has(node.handle)) {
          path.push({ node, next: 0 })
          onPath.add(node.handle)
        }
      }
    }
  }
  return null
}
