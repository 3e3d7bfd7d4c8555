/** Name of the file, and of what it declares. */
export const fourEyesName = "four-eyes";

/**
 * Policy that the story brings in: whoever would own orders needs an administrator's word first. The developers' other availability stays;
 * of two that match, the stricter counts. Extensions are open at once, so that the story need not wait for half of the time.
 */
export const fourEyes = `# Owning orders takes two people: the one who asks, and an administrator.
apiVersion: sallyport.dev/v1alpha1
kind: AccessWorkflow
metadata:
  name: ${fourEyesName}
spec:
  defaultDurationSeconds: 600
  maxDurationSeconds: 3600
  approvalDeadlineSeconds: 3600
  approvalSteps:
    - name: administrator
      approvers:
        - kind: Group
          name: administrators
      requiredApprovals: 1
      selfApproval: Forbid
  extension:
    maxCount: 1
    durationSeconds: 1800
  reasonPolicy:
    requirement: Required
---
apiVersion: sallyport.dev/v1alpha1
kind: Availability
metadata:
  name: ${fourEyesName}
spec:
  subjects:
    - kind: Group
      name: developers
  workflowRef:
    name: ${fourEyesName}
  roleNames: [app_owner]
  databaseRefs:
    - name: orders
`;
