export { Budget, BudgetExceeded, refuseUnknownCost, totalCost, type BudgetLimits } from '../shared/budget.ts'
